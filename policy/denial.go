package policy

import (
	"errors"
	"fmt"
	"time"
)

// Denial is the only refusal in the program. A stage returns it as an error;
// package gate alone turns it into an answer.
type Denial struct {
	Reason Reason
	// Detail is a public sentence for the client. It may name parts of the
	// configuration (a claim, a header, an algorithm) and never holds a value
	// that the client sent or that is secret.
	Detail string
	// Allow lists the methods of a path, for the Allow header of a
	// [MethodNotAllowed]; empty otherwise.
	Allow string
	// RetryAfter is when the client may try again, where the reason alone does not
	// say it; whole seconds are sent, and 0 for nothing.
	RetryAfter time.Duration
	// Err is the private cause, for the log of a fault of ours. It must hold
	// no secret and no token.
	Err error
}

// Deny returns a [Denial] as an error. The result is never a typed nil.
func Deny(reason Reason, detail string) error {
	return &Denial{Reason: reason, Detail: detail}
}

// Denyf is [Deny] with a formatted detail; the operands must be public.
func Denyf(reason Reason, format string, operands ...any) error {
	return &Denial{Reason: reason, Detail: fmt.Sprintf(format, operands...)}
}

// Fail returns a [Denial] with a private cause.
func Fail(reason Reason, err error) error {
	return &Denial{Reason: reason, Err: err}
}

// Sentence returns what the client is told: the detail, or else the reason's
// title.
func (d *Denial) Sentence() string {
	if d.Detail != "" {
		return d.Detail
	}
	return d.Reason.Title()
}

// Error gives the reason and the private cause, for logs; it is never sent to
// a client.
func (d *Denial) Error() string {
	text := d.Reason.String()
	if d.Detail != "" {
		text += ": " + d.Detail
	}
	if d.Err != nil {
		text += ": " + d.Err.Error()
	}
	return text
}

// Unwrap returns the private cause.
func (d *Denial) Unwrap() error { return d.Err }

// AsDenial returns the denial that err is or wraps. An error that is none is a
// fault of ours, [Internal]. It returns nil only for a nil error.
func AsDenial(err error) *Denial {
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*Denial](err); ok {
		return d
	}
	return &Denial{Reason: Internal, Err: err}
}

// ReasonOf returns the reason of an error, [ReasonNone] for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	return AsDenial(err).Reason
}
