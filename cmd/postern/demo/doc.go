// Package demo is everything around Postern that a demonstration needs: two
// example backends, an identity provider, a configuration, and requests with
// the answer that each must get.
//
// [Start] opens the backends and the identity provider on loopback, and
// [World.WriteConfig] writes the configuration that stands a proxy before them.
// With the proxy's address, [World.Cases] makes the requests: [World.Print]
// shows those that tell the story, ready to be pasted, and [World.Check] sends
// all of them and compares.
//
// The package knows the proxy only from outside: as a configuration file and
// an address. Its secrets are no secrets, so that nothing but loopback may
// reach what it starts.
package demo
