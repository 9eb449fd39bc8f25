package policy

// Mode says what a route does with a request that it would refuse.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Report  Mode = "report"
)

// BodyKind is what the bodies are that a route reads.
type BodyKind string

// The kinds of bodies.
const (
	JSONBody BodyKind = "json"
	FormBody BodyKind = "form"
)

// Operator says how a rule compares.
type Operator string

// The operators: with the identity itself, and with each element of a list in it.
const (
	Equals Operator = "equal"
	In     Operator = "in"
)
