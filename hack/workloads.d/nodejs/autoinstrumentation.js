// A stand-in for OpenTelemetry's Node.js agent: says what it was given.
"use strict";

for (const name of ["OTEL_SERVICE_NAME", "OTEL_METRICS_EXPORTER", "OTEL_RESOURCE_ATTRIBUTES"]) {
  console.log(`stand-in agent: ${name}=${process.env[name]}`);
}
console.log(`stand-in agent: loaded from ${__filename}`);
