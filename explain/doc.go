// Package explain shows why a request is let through or refused: it serves one
// request by a handler of package proxy that reaches no network, and writes down
// how the decision came about.
//
// [ParseRequest] and [ParseCurl] read what is asked about. [Ask] sends it, byte by
// byte, through net/http to the handler, over a connection that does not leave the
// process. The [Report] that comes of it is for people ([Report.WriteText]) and, as
// JSON, for machines. No credential and no secret is in it.
//
// The package decides nothing, matches nothing and knows no configuration.
package explain
