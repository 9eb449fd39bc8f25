-- Asks Postern about a request: "http-request lua.postern". Anything but a 200 is
-- the client's answer; without an answer nothing passes.

local postern = "http://127.0.0.1:8081/"
local identity = { "x-customer-id", "x-auth-level", "x-request-id" }

-- Of the connection, and not of the request that is asked about.
local left_out = {
  "connection", "content-length", "expect", "forwarded", "host", "keep-alive", "te", "transfer-encoding", "upgrade",
  "x-original-method", "x-original-uri",
}

core.register_action("postern", { "http-req" }, function(txn)
  local question = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    local list = {}
    for i = 0, #values do
      list[#list + 1] = values[i]
    end
    question[name] = list
  end
  local host = question["host"]
  -- A handshake without a key is asked about as the broken one that it is.
  if question["upgrade"] and not question["sec-websocket-key"] then
    question["sec-websocket-key"] = { "none" }
  end
  for _, name in ipairs(left_out) do
    question[name] = nil
  end
  for _, name in ipairs(identity) do
    question[name] = nil
    txn.http:req_del_header(name)
  end
  question["x-forwarded-method"] = { txn.sf:method() }
  question["x-forwarded-uri"] = { txn.sf:pathq() }
  question["x-forwarded-host"] = host
  question["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  question["x-forwarded-for"] = { txn.sf:src() }

  local answer = core.httpclient():get({ url = postern, headers = question, timeout = 10000 })
  if answer and answer.status == 200 then
    for _, name in ipairs(identity) do
      local values = answer.headers[name]
      if values then
        txn.http:req_set_header(name, values[0])
      end
    end
    return
  end

  local reply = txn:reply()
  if answer and answer.status and answer.status >= 400 then
    reply:set_status(answer.status)
    for _, name in ipairs({ "content-type", "www-authenticate", "allow", "retry-after", "postern-reason" }) do
      for i = 0, #(answer.headers[name] or {}) do
        local value = (answer.headers[name] or {})[i]
        if value then
          reply:add_header(name, value)
        end
      end
    end
    reply:set_body(answer.body)
  else
    reply:set_status(503)
  end
  txn:done(reply)
end)
