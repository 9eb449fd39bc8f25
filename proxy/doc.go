// Package proxy serves HTTP: it asks package gate about each request, passes
// what is allowed to its upstream through net/http/httputil, and accounts for
// everything with one log line and one set of metrics.
//
// A request goes through [Handler.ServeHTTP], which loads the running [State]
// once. Everything that one request needs to remember is in its exchange;
// exchange.finish is the only place that answers a refusal, counts and logs.
// The admin and health listeners are here, too.
//
// The package decides nothing: it neither looks at credentials nor sets or
// strips identity headers.
package proxy
