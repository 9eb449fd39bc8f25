package demo

import "time"

// story returns the requests that show in a few minutes what Postern does.
func (w *World) story(now time.Time) []Case {
	good := w.customerClaims(now)
	zoe := "Bearer " + w.customerToken(good)
	widget := "JWT " + widgetToken(widgetSecret, widgetClaims(now))
	return []Case{
		post(eventsPath, "Token "+acmeToken, eventBody).
			titled("tracking: the project's token", acmeApp()).
			told("Acme's app tracks an event with its project token."),
		post(fetchPath, zoe, inboxBody).
			titled("app inbox: a customer's token", zoeAt("data")).
			told("Zoë reads her inbox with a token of the identity provider."),
		post(messagesPath, widget, messageBody).
			titled("chat: a widget's token", zoeAt("chat")).
			told("Zoë writes a message with a token for the chat widget."),
		post(messagesPath, "", messageBody).
			titled("chat: a visitor without a credential", visitor()).
			told("A visitor may write, too, and the backend knows that nobody has vouched for them."),
		post(fetchPath, "", inboxBody).
			titled("app inbox: no credential", denied(401, "missing_credential")).
			told("The inbox is for nobody without a credential."),
		get(segmentsPath+"?customer=bob", zoe).
			titled("segments: another customer in the query", denied(403, "identity_mismatch")).
			told("Zoë's token does not show what is Bob's."),
		post("/track/v2/projects/globex/customers/events", "Token "+acmeToken, eventBody).
			titled("tracking: another project in the path", denied(403, "identity_mismatch")).
			told("Acme's token does not track for Globex."),
		post(fetchPath, "Bearer "+w.customerToken(good.with("exp", now.Add(-time.Hour).Unix())), inboxBody).
			titled("app inbox: a token that expired", denied(401, "token_expired")).
			told("A token that expired an hour ago: \"token_expired\": true tells the app to get another one."),
		post(fetchPath, "Token "+acmeToken, inboxBody).
			titled("app inbox: the scheme of another route", denied(401, "missing_credential")).
			told("A good project token, but the inbox asks for Bearer: see WWW-Authenticate."),
		post(messagesPath, widget, messageBody).sending("X-Customer-Id", "bob").
			titled("chat: a forged identity header", zoeAt("chat")).
			told("Zoë claims to be Bob in a header: it does not arrive, and the backend still hears Zoë."),
		post(fetchPath, "Bearer "+unsignedToken(good), inboxBody).
			titled("app inbox: alg none", denied(401, "algorithm_not_allowed")).
			told("A token says that it needs no signature."),
	}
}
