-- Everything goes through one relay of your provider or your company, politely.
--
--   APUS_SMART_HOST=relay.example.com:25 apus serve --policy examples/smart-host.lua

local smart_host = os.getenv('APUS_SMART_HOST')
if not smart_host then
  error('set APUS_SMART_HOST to the HOST:PORT of your relay')
end

kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/apus', flush = true }
  kumo.configure_local_logs { log_dir = '/var/log/apus', max_segment_duration = '10 minutes' }
  kumo.start_esmtp_listener {
    listen = '0.0.0.0:25',
    -- Who may relay: this machine and the private network. Everybody else gets 550 5.7.1.
    relay_hosts = { '127.0.0.1', '10.0.0.0/8' },
  }
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
end)

kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config {
    retry_interval = '5 minutes',
    max_retry_interval = '2 hours',
    max_age = '3 days',
    protocol = { smtp = { mx_list = { smart_host } } },
  }
end)

kumo.on('get_egress_path_config', function(routing_domain, egress_source, site_name)
  return kumo.make_egress_path {
    connection_limit = 20,
    max_message_rate = '100/second',
    max_deliveries_per_connection = 500,
    idle_timeout = '30 seconds',
  }
end)
