package nxapi

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/feature"
)

var showNXAPI = feature.Show{Line: "show nxapi", Help: "NX-API information", Run: show}

// show is show nxapi as NX-OS has it: what is served, and how long a cookie and a
// command may last, in minutes and in seconds.
func show(q feature.Query) (feature.Screen, error) {
	now := q.State.NXAPI
	status := "nxapi enabled"
	if q.State.Down[name] {
		status = "nxapi enabled (not-running)"
	}
	keys := []feature.Pair{{Key: "nxapi_status", Value: status}}
	var b strings.Builder
	line := func(format, key, value string) {
		if value != "" {
			fmt.Fprintf(&b, format+"\n", value)
			keys = append(keys, feature.Pair{Key: key, Value: value})
		}
	}
	fmt.Fprintln(&b, status)
	line("NXAPI timeout %s", "nxapi_timeout", number(int(now.Cookie/time.Minute)))
	line("NXAPI cmd timeout %s", "nxapi_cmd_timeout", number(int(now.Command/time.Second)))
	line("HTTP Listen on port %s", "http_port", number(now.HTTP))
	line("HTTPS Listen on port %s", "https_port", number(now.HTTPS))
	if port := cmp.Or(now.HTTPS, now.HTTP); port != 0 {
		keys = append(keys, feature.Pair{Key: "listen_on_port", Value: number(port)})
	}
	if now.HTTPS != 0 && now.Issuer != "" {
		b.WriteString("Certificate Information:\n")
		line("    Issuer:   issuer=%s", "ssl_issuer", now.Issuer)
		line("    Expires:  %s", "ssl_enddate", now.Expires.UTC().Format("Jan _2 15:04:05 2006 GMT"))
	}
	return feature.Screen{{Heading: b.String(), Keys: keys}}, nil
}

// number is a number as text, "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
