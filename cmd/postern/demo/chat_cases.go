package demo

import "time"

// chatCases are about the widget's tokens, visitors and forged headers.
func chatCases(now time.Time) []Case {
	const hint = "X-Customer-Id-Hint"
	good := widgetClaims(now)
	zoe := widgetToken(widgetSecret, good)
	signIn := func(token string) Case { return post(signInPath, "JWT "+token, "") }
	with := func(name string, value any) Case { return signIn(widgetToken(widgetSecret, good.with(name, value))) }
	message := func(authorization string) Case { return post(messagesPath, authorization, messageBody) }

	return []Case{
		signIn(zoe).
			titled("sign-in: a widget's token", zoeAt("chat")),
		post(signInPath, "jwt "+zoe, "").
			titled("sign-in: the scheme in lower case", zoeAt("chat")),
		post(signInPath, "", "").
			titled("sign-in: no credential", denied(401, "missing_credential")),
		with("exp", now.Add(-10*time.Minute).Unix()).
			titled("sign-in: a token that expired", denied(401, "token_expired")),
		with("exp", now.Add(widgetLifetime+time.Second).Unix()).
			titled("sign-in: ten minutes and a second of life", denied(401, "lifetime_too_long")),
		with("iat", now.Add(5*time.Minute).Unix()).
			titled("sign-in: iat five minutes ahead", denied(401, "issued_in_future")),
		with("iat", now.UnixMilli()).
			titled("sign-in: iat in milliseconds", denied(401, "issued_in_future")),
		with("iat", nil).
			titled("sign-in: no iat", denied(401, "missing_claim")),
		with("email", nil).
			titled("sign-in: no email", denied(401, "missing_claim")),
		signIn(widgetToken("another-secret-of-thirty-two-bytes", good)).
			titled("sign-in: another secret", denied(401, "bad_signature")),
		post(visitorPath, "JWT "+zoe, "").sending("X-Customer-Id", "zoe").
			titled("visitor: what a client carries is removed", visitor()),
		message("JWT "+widgetToken("another-secret-of-thirty-two-bytes", good)).
			titled("chat: a bad token makes no visitor", denied(401, "bad_signature")),
		message("Bearer "+zoe).
			titled("chat: another scheme makes no visitor", denied(401, "missing_credential")),
		message("JWT "+zoe).sending("X_Customer_Id", "bob").sending("x-auth-level", "admin").
			titled("chat: forged headers in other spellings", zoeAt("chat")),
		message("JWT "+zoe).sending(hint, "zoe").
			titled("chat: the right customer in a header", zoeAt("chat").and(hint, "zoe")),
		message("JWT "+zoe).sending(hint, "bob").
			titled("chat: another customer in a header", denied(403, "identity_mismatch")),
		message("").sending(hint, "zoe").
			titled("chat: a visitor who claims to be a customer", denied(403, "identity_mismatch")),
	}
}
