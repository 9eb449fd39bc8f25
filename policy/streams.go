package policy

import "time"

// StreamSettings say how long streams live: websockets and event streams. Those of
// a route stand in the place of the global ones, each key by itself.
type StreamSettings struct {
	// OnExpiry is close, or keep for streams that may outlive their credential's
	// end; its revocation ends them all the same.
	OnExpiry string `yaml:"on_expiry" words:"close keep"`
	// Grace is how long a stream goes on after its credential's end.
	Grace *Duration `yaml:"grace"`
	// MaxAge ends a stream that no end of a credential does.
	MaxAge *Duration `yaml:"max_age"`
	// Idle ends a stream on which nothing has passed for so long, either way; 0 is
	// no bound.
	Idle *Duration `yaml:"idle"`
	// Drain is the time over which a shutdown spreads the ends of streams.
	Drain *Duration `yaml:"drain"`
}

// Check reports what is wrong with the settings; s may be nil.
func (s *StreamSettings) Check(at Path, problems *Problems) {
	if s == nil {
		return
	}
	if s.MaxAge != nil && *s.MaxAge == 0 {
		problems.Addf(at.At("max_age"), "wants more than 0s: nothing else ends a stream without an end of its own")
	}
	if s.OnExpiry == "keep" && s.Grace != nil && *s.Grace > 0 {
		problems.Addf(at.At("grace"), "says nothing beside on_expiry: keep")
	}
}

// Streams is how long the streams of a route live.
type Streams struct {
	Keep                       bool
	Grace, MaxAge, Idle, Drain time.Duration
}

// NewStreams compiles settings, of which later ones override earlier ones; nil
// overrides nothing.
func NewStreams(settings ...*StreamSettings) Streams {
	life := Streams{MaxAge: 12 * time.Hour, Drain: 10 * time.Second}
	for _, s := range settings {
		if s == nil {
			continue
		}
		if s.OnExpiry != "" {
			life.Keep = s.OnExpiry == "keep"
		}
		override(&life.Grace, s.Grace)
		override(&life.MaxAge, s.MaxAge)
		override(&life.Idle, s.Idle)
		override(&life.Drain, s.Drain)
	}
	return life
}

func override(target *time.Duration, given *Duration) {
	if given != nil {
		*target = given.Std()
	}
}

// checkUpgrade holds the patterns of a route that switches protocols to the
// handshake's method (RFC 6455, section 4.1).
func (s *RouteSettings) checkUpgrade(at Path, problems *Problems) {
	if len(s.Upgrade) == 0 {
		return
	}
	for i := range s.Match {
		if method := s.Match[i].method; method == "" || method == "GET" {
			return
		}
	}
	problems.Addf(at.At("upgrade"), "a websocket begins with a GET, which no pattern of the route matches")
}
