-- GETs by pollers that each want a list of their own; what was seen is printed as a JSON line that begins with RESULT.
-- Use: wrk ... -s wrk-lists.lua URL -- JOB POLLERS [etags], where etags has each of them say which list it has.

function init(args)
  local job, pollers, etags = args[1], tonumber(args[2]), args[3]
  local requests, turn = {}, 0
  local tags = {}
  if etags then
    for line in io.lines(etags) do tags[#tags + 1] = line end
  end
  for number = 0, pollers - 1 do
    local headers = { ["Accept-Encoding"] = "gzip", ["User-Agent"] = "Prometheus" }
    if etags then headers["If-None-Match"] = tags[number + 1] end
    requests[number + 1] = wrk.format("GET", "/jobs/" .. job .. "/targets?collector_id=collector-" .. number, headers)
  end
  request = function()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "max": %d, "errors": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
