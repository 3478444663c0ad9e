-- POSTs of the same bytes over and over; what was seen is printed as a JSON line that begins with RESULT.
-- Use: wrk ... -s wrk.lua URL -- BODY-FILE...; of several bodies each request has the next one.

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, */*"
  wrk.headers["User-Agent"] = "kube-apiserver-admission"
  local bodies = {}
  for number, name in ipairs(args) do
    local file = assert(io.open(name, "rb"))
    bodies[number] = file:read("*a")
    file:close()
  end
  -- A script without a request function is asked once: then a request costs nothing here.
  wrk.body = bodies[1]
  if #bodies == 1 then return end
  local requests, turn = {}, 0
  for number, body in ipairs(bodies) do requests[number] = wrk.format(nil, nil, nil, body) end
  request = function()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p90": %d, "p99": %d, "max": %d, "errors": %d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
