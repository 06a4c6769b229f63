-- The shortest useful policy. No spool directory is named, so /var/spool/apus or --spool DIR is used; no log directory is
-- named, so deliveries are printed on standard output as JSON. Mail goes to the MX hosts of each domain.
kumo.start_esmtp_listener { listen = '127.0.0.1:2525' }
kumo.start_http_listener { listen = '127.0.0.1:8000' }
kumo.on('get_queue_config', function(domain)
  return { retry_interval = '10 minutes', max_age = '1 day' }
end)
kumo.on('get_egress_path_config', function(domain)
  return { max_connection_rate = '100/minute', max_message_rate = '1000/minute' }
end)
