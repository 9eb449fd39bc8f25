package demo

import (
	"net/http"
	"slices"
	"time"
)

// Cases returns every request of the demo, with tokens of that time: first
// those that tell the story, in its order.
func (w *World) Cases(now time.Time) []Case {
	return slices.Concat(w.story(now), trackingCases(), w.inboxCases(now), w.segmentsCases(now), chatCases(now))
}

const (
	eventsPath   = "/track/v2/projects/acme/customers/events"
	fetchPath    = "/webxp/projects/acme/appinbox/fetch"
	segmentsPath = "/webxp/projects/acme/segments"
	messagesPath = "/chat/messages"
	signInPath   = "/chat/auth/signinWithCustomToken"
	visitorPath  = "/chat/auth/signinAnonymously"

	eventBody   = `{"customer_ids":{"registered":"zoe"},"event_type":"view_item"}`
	inboxBody   = `{"customer_ids":{"registered":"zoe"},"application_id":"default-application"}`
	messageBody = `{"text":"Where is my parcel?"}`
)

// post sends a body to a path with a value of Authorization, "" for none.
func post(path, authorization, body string) Case {
	return Case{Method: http.MethodPost, Target: path, Headers: authorize(authorization), Body: body}
}

// get asks for a target with a value of Authorization, "" for none.
func get(target, authorization string) Case {
	return Case{Method: http.MethodGet, Target: target, Headers: authorize(authorization)}
}

func authorize(value string) []Header {
	if value == "" {
		return nil
	}
	return []Header{{"Authorization", value}}
}

// titled returns the case with a title and the outcome that it must have.
func (c Case) titled(title string, want Outcome) Case {
	c.Title, c.Want = title, want
	return c
}

// told returns the case with what a reader is told about it.
func (c Case) told(story string) Case {
	c.Story = story
	return c
}

// sending returns the case with one more header.
func (c Case) sending(name, value string) Case {
	c.Headers = append(slices.Clip(c.Headers), Header{name, value})
	return c
}

// acmeApp is what the data backend hears of the app of acme.
func acmeApp() Outcome {
	return heardBy("data", map[string]string{"X-Auth-Level": "application", "X-Project": "acme"})
}

// zoeAt is what a backend hears of the customer, whose name it must decode.
func zoeAt(backend string) Outcome {
	return heardBy(backend, map[string]string{
		"X-Auth-Level": "customer", "X-Customer-Id": "zoe", "X-Customer-Name": "Zo%C3%AB Ramos",
	})
}

// visitor is what the chat backend hears of somebody without a credential.
func visitor() Outcome {
	return heardBy("chat", map[string]string{"X-Auth-Level": "anonymous"})
}

// and returns the outcome with one more header that the backend hears.
func (o Outcome) and(name, value string) Outcome {
	o.Heard.Headers[name] = value
	return o
}
