-- One POST of the same bytes over and over; what was seen is printed as a JSON line that begins with RESULT.
-- Use: wrk ... -s wrk.lua URL -- BODY-FILE

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, */*"
  wrk.headers["User-Agent"] = "kube-apiserver-admission"
  -- Made once: a script without a request function of its own costs nothing for each request.
  local request = wrk.format()
  wrk.request = function() return request end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p90": %d, "p99": %d, "max": %d, "errors": %d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
