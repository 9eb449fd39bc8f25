package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The proxies of Debian that are measured beside Postern, each with one worker, kept
// connections to the backend, and an access log.

// nginx cannot verify a JWT without a module that Debian does not have.
func (w *world) nginx(routes int) launch {
	return w.peer("nginx", routes, func(listen, folder string) (string, []string) {
		var locations strings.Builder
		for n := range routes {
			fmt.Fprintf(&locations, "    location %s { proxy_pass http://backend; }\n", strings.TrimSuffix(routePath(n), "4711/messages"))
		}
		return fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 16384; }
http {
  log_format json escape=json '{"time":"$time_iso8601","request_id":"$request_id","method":"$request_method","path":"$uri","status":$status,'
    '"duration":$request_time,"upstream_duration":"$upstream_response_time","client":"$remote_addr"}';
  access_log %[1]s/access.log json buffer=64k flush=1s;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  keepalive_requests 100000000; keepalive_timeout 120s;
  upstream backend { server %[2]s; keepalive 256; keepalive_requests 100000000; }
  map $http_authorization $good { default 0; "Token %[3]s" 1; }
  map $http_upgrade $connection_option { default ""; websocket upgrade; }
  server {
    listen %[4]s backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection $connection_option; proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Id $request_id; proxy_set_header X-Customer-Id "";
    location /public/ { proxy_pass http://backend; }
    location /sockets/ { proxy_pass http://backend; proxy_read_timeout 1h; }
    location /token/ { if ($good = 0) { return 401; } proxy_pass http://backend; proxy_set_header Authorization ""; }
%[5]s  }
}
`, folder, w.backend, staticToken, listen, locations.String()), []string{"nginx", "-c"}
	})
}

// haproxy verifies a JWT on each request, as its documentation shows it.
func (w *world) haproxy(routes int) launch {
	return w.peer("haproxy", routes, func(listen, folder string) (string, []string) {
		var prefixes, jwt strings.Builder
		for n := range routes {
			fmt.Fprintf(&prefixes, "%s backend\n", strings.TrimSuffix(routePath(n), "4711/messages"))
		}
		for _, prefix := range []string{"/public/", "/token/", "/sockets/", "/hs256/", "/rs256/", "/es256/"} {
			fmt.Fprintf(&prefixes, "%s backend\n", prefix)
		}
		routesFile := filepath.Join(folder, "routes.map")
		_ = os.WriteFile(routesFile, []byte(prefixes.String()), 0o600) // haproxy tells where it is missing
		for _, algorithm := range algorithms {
			key := filepath.Join(w.folder, algorithm+".pem")
			if algorithm == "hs256" {
				key = hmacSecret
			}
			fmt.Fprintf(&jwt, `  acl is_%[1]s path_beg /%[1]s/
  http-request deny deny_status 401 if is_%[1]s !{ http_auth_bearer,jwt_header_query('$.alg') -m str %[2]s }
  http-request deny deny_status 401 if is_%[1]s !{ http_auth_bearer,jwt_verify(txn.alg,"%[3]s") -m int 1 }
`, algorithm, strings.ToUpper(algorithm), key)
		}
		return fmt.Sprintf(`global
  nbthread 1
  maxconn 9000
  log stdout len 4096 format raw local0
  stats socket %[1]s/admin
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout tunnel 1h
  http-reuse always
  log-format '{"time":"%%t","request_id":"%%ID","method":"%%HM","path":"%%HP","status":%%ST,"duration":%%Ta,"upstream_duration":%%Tr,"client":"%%ci"}'
  unique-id-format %%[uuid]
  unique-id-header X-Request-Id
frontend front
  bind %[2]s
  option forwardfor
  http-request del-header X-Customer-Id
  http-request set-var(txn.route) path,map_beg(%[3]s)
  http-request deny deny_status 404 unless { var(txn.route) -m found }
  acl is_token path_beg /token/
  http-request deny deny_status 401 if is_token !{ req.hdr(Authorization) -m str "Token %[4]s" }
  acl is_jwt path_beg /hs256/ /rs256/ /es256/
  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg') if is_jwt
  http-request deny deny_status 401 if is_jwt !{ http_auth_bearer,jwt_payload_query('$.iss') -m str %[5]s }
  http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int') if is_jwt
  http-request set-var(txn.now) date() if is_jwt
  http-request deny deny_status 401 if is_jwt { var(txn.exp),sub(txn.now) -m int lt 0 }
%[6]s  http-request set-header X-Customer-Id %%[http_auth_bearer,jwt_payload_query('$.sub')] if is_jwt
  http-request del-header Authorization
  default_backend backend
backend backend
  server backend %[7]s
`, folder, listen, routesFile, staticToken, issuer, jwt.String(), w.backend), []string{"haproxy", "-W", "-db", "-f"}
	})
}

// caddy of Debian has no check of a JWT either.
func (w *world) caddy(routes int) launch {
	return w.peer("caddy", routes, func(listen, folder string) (string, []string) {
		var handlers strings.Builder
		for n := range routes {
			fmt.Fprintf(&handlers, "  handle %s* {\n    reverse_proxy %s\n  }\n", strings.TrimSuffix(routePath(n), "4711/messages"), w.backend)
		}
		return fmt.Sprintf(`{
  admin unix/%[1]s/admin
  auto_https off
  servers {
    metrics
  }
}
(kept) {
  transport http {
    keepalive_idle_conns_per_host 256
    compression off
  }
}
http://%[2]s {
  log {
    output file %[1]s/access.log {
      roll_disabled
    }
  }
  request_header -X-Customer-Id
  @token {
    path /token/*
    header Authorization "Token %[3]s"
  }
  handle @token {
    reverse_proxy %[4]s {
      header_up -Authorization
      import kept
    }
  }
  handle /public/* {
    reverse_proxy %[4]s {
      import kept
    }
  }
  handle /sockets/* {
    reverse_proxy %[4]s
  }
%[5]s  handle {
    respond 401
  }
}
`, folder, strings.Replace(listen, "127.0.0.1", "", 1), staticToken, w.backend, handlers.String()), []string{"caddy", "run", "--adapter", "caddyfile", "--config"}
	})
}

// peer returns what starts a proxy with a configuration that it keeps in a folder of
// its own.
func (w *world) peer(name string, routes int, configure func(listen, folder string) (config string, command []string)) launch {
	return func(listen string) (*process, error) {
		name := fmt.Sprintf("%s-%d", name, routes)
		folder := filepath.Join(w.folder, name)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return nil, err
		}
		config, command := configure(listen, folder)
		file := filepath.Join(folder, "config")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return nil, err
		}
		return start(name, proxyCore, listen, w.log(name), append(command, file)...)
	}
}
