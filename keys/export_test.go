package keys

import "net/http"

// MaxSightings is the bound that a flood of invented kids must not pass.
const MaxSightings = maxSightings

// SetTransport replaces the network. It must be called before Start.
func (r *Remote) SetTransport(t http.RoundTripper) { r.client.transport = t }

// Sightings returns how many kids are remembered.
func (r *Remote) Sightings() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sightings.pending) + len(r.sightings.absent)
}

// MaxAge exposes the parser of Cache-Control.
var MaxAge = maxAge

// StateName exposes the name of a copy.
var StateName = stateName

// OwnerOf exposes whom a file belongs to.
var OwnerOf = ownerOf
