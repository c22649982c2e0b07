package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"trunkline/cli/location"
)

// maxRedirects is how often an HTTP server may send the client elsewhere.
const maxRedirects = 5

// getHTTP takes a file from an HTTP server.
func (c *Client) getHTTP(ctx context.Context, from location.URL, vrf string, who location.Operator, m *meter) error {
	password := ""
	user := from.User
	from.User = "" // it goes into a header, and to no other server
	if user != "" {
		if who.Ask == nil {
			return errNobody
		}
		var err error
		if password, err = who.Ask(ctx, user+"@"+from.Host+"'s password: ", true); err != nil {
			return err
		}
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return c.dial(ctx, network, address, vrf)
		},
		TLSClientConfig: &tls.Config{RootCAs: c.cfg.Roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: c.cfg.Silence,
		ResponseHeaderTimeout: c.cfg.Silence, MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives: true, DisableCompression: true,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return location.Error("The server redirects too often")
		case via[0].URL.Scheme == location.HTTPS && r.URL.Scheme != location.HTTPS:
			return location.Error("The server redirects from https to " + r.URL.Scheme)
		case via[0].URL.Host != r.URL.Host || via[0].URL.Scheme != r.URL.Scheme:
			r.Header.Del("Authorization") // which is for that server only
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return err
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	answer, err := client.Do(r)
	if err != nil {
		return unwrapped(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end, or of no use
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %s", printableStatus(answer.Status))
	}
	m.total = answer.ContentLength
	if _, err := io.Copy(m, answer.Body); err != nil {
		return err
	}
	return nil
}

// printableStatus is what a server calls its status, bounded.
func printableStatus(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(location.Printable(s[:min(len(s), 80)]), "\n", "."), "?")
}

// unwrapped is an error of the HTTP client without the URL that it names.
func unwrapped(err error) error {
	said, certificate := location.Error(""), &tls.CertificateVerificationError{}
	if errors.As(err, &said) {
		return said
	}
	if errors.As(err, &certificate) {
		return location.Error("The server's certificate is not trusted: " + certificate.Err.Error())
	}
	for errors.Unwrap(err) != nil {
		if _, ok := err.(*net.OpError); ok {
			break
		}
		err = errors.Unwrap(err)
	}
	return err
}
