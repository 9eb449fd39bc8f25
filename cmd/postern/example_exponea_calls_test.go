package main

import "testing"

// exponeaCalls are all requests that the SDKs send, in project and stream mode.
// Ada is whom the tokens are for.
func exponeaCalls(t *testing.T) []sdkCall {
	customer, stream := customerToken(t, nil), streamToken(t, nil)
	const (
		cookie   = "4b7a7ab2-7a0a-4ef4-a2ab-4a3d4c8c1b6e"
		adasIDs  = `"customer_ids":{"cookie":"` + cookie + `","registered":"ada@example.com"}`
		nobody   = `"customer_ids":{"cookie":"` + cookie + `"}`
		event    = `{` + adasIDs + `,"event_type":"payment","properties":{"price":9.5,"item":"Tee ☕"},"timestamp":1700000000.123}`
		profile  = `{` + adasIDs + `,"properties":{"first_name":"Ada"},"timestamp":1700000000.123}`
		click    = `{"url":"https://example.com/?xnpe_cmp=1","timestamp":1700000000.5,"properties":{"platform":"Android"}}`
		iosClick = `{` + adasIDs + `,"event_type":"campaign_click","url":"https://example.com/?xnpe_cmp=1","timestamp":1700000000.5,"properties":{"platform":"iOS"}}`
		inbox    = `{` + adasIDs + `,"application_id":"default-application"}`
		marked   = `{` + adasIDs + `,"message_ids":["5f4dcc3b"],"sync_token":"abc123"}`
		blocks   = `{` + adasIDs + `,"content_block_ids":["5f4dcc3b"]}`
		linked   = `{"external_ids":{"registered":"ada@example.com"}}`
		device   = `{` + adasIDs + `,"device":"android"}`
		check    = `{"platform":"android",` + adasIDs + `,"push_notification_id":"fcm-token"}`
		wanted   = `{"engine_id":"e1","fill_with_random":true,"size":5,` + adasIDs + `}`
		batch    = `{"commands":[{"name":"customers/events","data":` + event + `},{"name":"customers","data":` + profile + `}]}`
		nullIDs  = `{"customer_ids":{"cookie":"` + cookie + `","registered":"ada@example.com","phone":null},"application_id":"default-application"}`

		track  = "/track/v2/projects/acme"
		data   = "/data/v2/projects/acme"
		webxp  = "/webxp/projects/acme"
		link   = "/cookies/" + cookie + "/link-ids"
		search = "/segments?cookie=" + cookie
		u      = "/track/u/v1"
		by     = "?stream_id=acme-stream"
		webs   = "/webxp/streams/acme-stream"
	)
	gzip := []string{"Content-Encoding: gzip"}
	return []sdkCall{
		{"android customer", "POST", track + "/customers", nil, appToken, profile},
		{"ios customer", "POST", track + "/customers", nil, appToken, profile},
		{"android event", "POST", track + "/customers/events", nil, appToken, event},
		{"ios event", "POST", track + "/customers/events", nil, appToken, event},
		{"android event, gzip", "POST", track + "/customers/events", gzip, appToken, gzipped(t, event)},
		{"android click", "POST", track + "/campaigns/clicks", nil, appToken, click},
		{"ios click", "POST", track + "/campaigns/clicks", nil, appToken, iosClick},
		{"android attributes", "POST", data + "/customers/attributes", nil, appToken, `{` + adasIDs + `,"attributes":[{"type":"property","property":"first_name"}]}`},
		{"android consents", "GET", data + "/consent/categories", nil, appToken, ""},
		{"ios consents", "GET", data + "/consent/categories", nil, appToken, ""},
		{"android consents of old", "POST", data + "/consent/categories", nil, appToken, `{}`},
		{"android in-app messages", "POST", "/webxp/s/acme/inappmessages?compatibility=3", nil, appToken, device},
		{"ios in-app messages of old", "POST", "/webxp/s/acme/inappmessages?v=1", nil, appToken, device},
		{"ios in-app messages, no query", "POST", "/webxp/s/acme/inappmessages", nil, appToken, device},
		{"android self check", "POST", "/campaigns/send-self-check-notification?project_id=acme", nil, appToken, check},
		{"android segments", "GET", webxp + search, nil, appToken, ""},
		{"android link ids", "POST", webxp + link, nil, appToken, linked},
		{"server time", "GET", track + "/system/time", nil, serverKey, ""},
		{"server event", "POST", track + "/customers/events", []string{"Content-Type: application/json"}, serverKey, event},
		{"server batch", "POST", track + "/batch", []string{"Content-Type: application/json"}, serverKey, batch},

		{"ios batch of a customer", "POST", track + "/batch", nil, customer, batch},
		{"android app inbox", "POST", webxp + "/appinbox/fetch", nil, customer, inbox},
		{"ios app inbox", "POST", webxp + "/appinbox/fetch", nil, customer, inbox},
		{"android app inbox, null ids", "POST", webxp + "/appinbox/fetch", nil, customer, nullIDs},
		{"android app inbox, gzip", "POST", webxp + "/appinbox/fetch", gzip, customer, gzipped(t, inbox)},
		{"android mark as read", "POST", webxp + "/appinbox/markasread", nil, customer, marked},
		{"ios mark as read", "POST", webxp + "/appinbox/markasread", nil, customer, marked},
		{"android content blocks", "POST", "/webxp/s/acme/inappcontentblocks?v=2", nil, customer, blocks},
		{"android static blocks", "GET", "/wxstatic/projects/acme/bundle-android.json?v=2", nil, customer, ""},
		{"ios static blocks", "GET", "/wxstatic/projects/acme/bundle-ios.json?v=2", nil, customer, ""},
		{"ios segments", "GET", webxp + search, nil, customer, ""},
		{"ios link ids", "POST", webxp + link, nil, customer, linked},

		{"android stream customer", "POST", u + "/customers" + by, nil, stream, profile},
		{"ios stream event", "POST", u + "/customers/events" + by, nil, stream, event},
		{"android stream event of another customer", "POST", u + "/customers/events" + by, nil, visitor, event},
		{"android stream click", "POST", u + "/campaigns/clicks" + by, nil, stream, click},
		{"ios stream click", "POST", u + "/campaigns/clicks" + by, nil, stream, iosClick},
		{"android stream click of a visitor", "POST", u + "/campaigns/clicks" + by, nil, visitor, click},
		{"ios stream click of another customer", "POST", u + "/campaigns/clicks" + by, nil, visitor, iosClick},
		{"android recommendations", "POST", "/optimization/streams/acme-stream/recommend/user", nil, stream, wanted},
		{"android recommendations for a visitor", "POST", "/optimization/streams/acme-stream/recommend/user", nil, visitor, `{"engine_id":"e1","size":5,` + nobody + `}`},
		{"android stream consents", "GET", "/data/v2/streams/acme-stream/consent/categories", nil, stream, ""},
		{"ios stream consents of a visitor", "GET", "/data/v2/streams/acme-stream/consent/categories", nil, visitor, ""},
		{"android stream in-app messages", "POST", webs + "/inappmessages?compatibility=3", nil, stream, device},
		{"ios stream in-app messages for a visitor", "POST", webs + "/inappmessages?compatibility=3", nil, visitor, `{` + nobody + `,"device":"ios"}`},
		{"android stream in-app messages of a customer without a token", "POST", webs + "/inappmessages?compatibility=3", nil, visitor, device},
		{"ios recommendations for a customer without a token", "POST", "/optimization/streams/acme-stream/recommend/user", nil, visitor, wanted},
		{"android stream app inbox", "POST", webs + "/appinbox/fetch", nil, stream, inbox},
		{"ios stream mark as read", "POST", webs + "/appinbox/markasread", nil, stream, marked},
		{"ios stream content blocks", "POST", webs + "/inappcontentblocks?v=2", nil, stream, blocks},
		{"android stream static blocks", "GET", "/wxstatic/streams/acme-stream/bundle-android.json?v=2", nil, stream, ""},
		{"android stream segments", "GET", webs + search, nil, stream, ""},
		{"ios stream segments of a visitor", "GET", webs + search, nil, visitor, ""},
		{"android stream link ids", "POST", webs + link, nil, stream, linked},
		{"android stream self check", "POST", "/campaigns/streams/acme-stream/send-self-check-notification", nil, stream, check},
	}
}
