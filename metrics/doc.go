// Package metrics is the one Prometheus registry of the program.
//
// The other rooms declare small observer interfaces where they need them;
// [Registry] satisfies them. What is counted on every request goes through a
// handle that is resolved once, when a configuration is built: a [Route], an
// [Upstream] or an [Authenticator]. A handle creates a series when it first
// counts it, holds it from then on, and is kept across reloads by its name.
// What a new configuration no longer names is forgotten: its series are
// deleted, and whoever still holds the handle counts nothing.
//
// Label values come from the configuration or from closed sets, never from a
// client: the number of series is bounded by the configuration. The package
// measures nothing itself, and reads neither a clock nor a request.
package metrics
