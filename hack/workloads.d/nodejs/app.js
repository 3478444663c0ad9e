// An application that knows nothing of OpenTelemetry: says what it was started with, and serves.
"use strict";

const http = require("http");

console.log(`application: frames=${Error.stackTraceLimit} options=${process.env.NODE_OPTIONS}`);
http.createServer((request, response) => response.end("application\n")).listen(Number(process.env.PORT || 8080));
process.on("SIGTERM", () => process.exit(0)); // as process 1 Node.js would ignore it
