package metrics

// StreamOpened counts a stream that the route serves from now on.
func (r *Route) StreamOpened() { r.addStreams(1) }

// StreamLeft counts a stream that the route no longer serves: it has ended, or
// belongs to another route after a reload.
func (r *Route) StreamLeft() { r.addStreams(-1) }

func (r *Route) addStreams(delta float64) {
	if g, ok := r.streams.at(only{}); ok {
		g.Add(delta)
	}
}

// StreamClosed counts a stream's end; reason is one of the program's own words.
func (r *Registry) StreamClosed(reason string) { r.streamsClosed.WithLabelValues(reason).Inc() }
