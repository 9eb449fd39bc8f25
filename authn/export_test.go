package authn

import "net/http"

// SetTransport replaces the network of an authenticator that asks a service, which
// is not in use yet.
func SetTransport(a Inquirer, t http.RoundTripper) {
	switch a := a.(type) {
	case *Introspection:
		a.inquiry.service.transport = t
	case *Profile:
		a.inquiry.service.transport = t
	}
}

// MaxQuestions is how many questions a service is asked at a time.
const MaxQuestions = maxQuestions
