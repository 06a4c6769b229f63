-- The policy that script/server runs: take mail on the loopback interface and hand all of it to one next server.
-- APUS_SMART_HOST names that server (HOST:PORT); without it mail goes to the sink that script/server starts.

local next_server = os.getenv('APUS_SMART_HOST') or '127.0.0.1:2526'

kumo.on('init', function()
  -- Only clients on this machine may relay: that is the default of relay_hosts.
  kumo.start_esmtp_listener { listen = '127.0.0.1:2525' }
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
end)

-- Asked once per scheduled queue, then cached.
kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config {
    -- The wait after the first temporary failure; it doubles with each further one.
    retry_interval = '1 minute',
    -- After this age a message is given up (an Expiration record).
    max_age = '2 days',
    -- Instead of looking up the domain's MX hosts.
    protocol = { smtp = { mx_list = { next_server } } },
  }
end)

-- Asked once per egress path (one source address to one destination site), then cached.
kumo.on('get_egress_path_config', function(routing_domain, egress_source, site_name)
  return kumo.make_egress_path {
    connection_limit = 10,
    -- Delivery to loopback addresses is refused by default, since a stranger's MX record could point there.
    -- The sink is on loopback, so here it is allowed. Leave this line out on the Internet.
    prohibited_hosts = {},
  }
end)
