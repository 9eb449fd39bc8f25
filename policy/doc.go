// Package policy holds the words of Postern and its compiled rules: what a
// reason, a denial, an identity, a reference, a route and a header template
// are, and how they are matched, compared and rendered.
//
// Everything here is a value: nothing reads a file, a clock or the network,
// starts a goroutine, or knows that the configuration is YAML. Settings types
// carry `yaml` tags only as plain field names; package config reads them.
//
// The flow through the package follows a request: a [Matcher] finds the
// [Route], a [Reference] names a part of the request or of the [Identity], a
// [Rule] says which two must agree, a [HeaderSet] renders what the upstream is
// told, and a [Denial] says why something was refused.
package policy
