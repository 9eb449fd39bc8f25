package anatomy

import (
	"encoding/json"
	"fmt"
	"time"
)

// checkTimes looks at iat, nbf and exp (RFC 7519, section 4.1).
func (a *Anatomy) checkTimes() {
	if a.claims == nil {
		return
	}
	issued, hasIssued := a.moment("iat")
	begin, hasBegin := a.moment("nbf")
	end, hasEnd := a.moment("exp")
	if _, there := a.claims["exp"]; !there {
		a.problemf("it has no exp: it never ends, and require_exp refuses it")
	}
	if hasEnd && !a.now.Before(end) {
		a.problemf("exp %s: it has ended", relative(end, a.now))
	}
	if hasBegin && a.now.Before(begin) {
		a.problemf("nbf %s: it is not valid yet", relative(begin, a.now))
	}
	if hasIssued && a.now.Before(issued) {
		a.problemf("iat %s: it was issued in the future, or a clock is wrong", relative(issued, a.now))
	}
	if hasIssued && hasEnd && !end.After(issued) {
		a.problemf("exp is not after iat: it was never valid")
	}
}

// farSeconds is in the year 5138: whoever writes more means milliseconds.
const farSeconds = 1e11

// moment reads a time claim. ok is false for one that is not there, or that is no
// time.
func (a *Anatomy) moment(name string) (at time.Time, ok bool) {
	value, there := a.claims[name]
	if !there {
		return at, false
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		a.problemf("%s is no number: it wants seconds since 1970", name)
		return at, false
	}
	seconds, err := number.Float64()
	switch {
	case err != nil || seconds < 0:
		a.problemf("%s is out of range", name)
		return at, false
	case seconds > farSeconds:
		a.problemf("%s is in milliseconds, it seems: it wants seconds since 1970", name)
		return at, false
	}
	at = time.Unix(int64(seconds), 0)
	a.Times = append(a.Times, Moment{name, at, relative(at, a.now)})
	return at, true
}

// relative tells the distance of a time from now, in the unit that a person would
// use.
func relative(at, now time.Time) string {
	distance, format := now.Sub(at), "%s ago"
	if distance < 0 {
		distance, format = -distance, "in %s"
	}
	var text string
	switch {
	case distance < time.Second:
		return "now"
	case distance < time.Minute:
		text = fmt.Sprintf("%ds", int(distance.Seconds()))
	case distance < time.Hour:
		text = fmt.Sprintf("%dm", int(distance.Minutes()))
	case distance < 48*time.Hour:
		text = fmt.Sprintf("%dh", int(distance.Hours()))
	default:
		text = fmt.Sprintf("%d days", int(distance.Hours()/24))
	}
	return fmt.Sprintf(format, text)
}
