package nxapi

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
	"trunkline/internal/mutate"
)

// sends sends a body of a kind to a server without a network, and checks that
// what comes back can be read.
func sends(f testing.TB, contentType string) func(t *testing.T, body []byte) {
	cli, _ := sessiontest.CLI(f)
	oper := &users{passwords: map[string]string{"oper": password}, roles: map[string]feature.Role{"oper": feature.NetworkOperator}}
	s := New(Config{CLI: cli, Auth: oper, Log: slog.New(slog.DiscardHandler), Limits: Limits{
		Commands: 64, Output: 1 << 16, Running: 64, UserRuns: 64, Run: 5 * time.Second,
	}})
	who := feature.Identity{User: "oper", Role: feature.NetworkOperator} // who cannot spoil the switch for the next
	return func(t *testing.T, body []byte) {
		q, out := s.parse(contentType, body)
		if (q == nil) == (out == nil) {
			t.Fatalf("%q is a request and a reply, or neither", body)
		}
		if q != nil {
			if len(q.orders) > s.limits.Commands {
				t.Fatalf("%d orders", len(q.orders))
			}
			answers, ok := s.execute(t.Context(), who, "192.0.2.1:4711", q)
			if !ok {
				t.Fatal("the user is not known")
			}
			for _, a := range answers {
				if a.Panic != "" && !strings.Contains(a.Panic, "as asked") {
					t.Fatalf("%q: %s", body, a.Panic)
				}
			}
			out = q.form.reply(answers)
		}
		if len(out.body) > 1<<17+8*len(body) {
			t.Fatalf("%d bytes are answered with %d", len(body), len(out.body))
		}
		switch {
		case out.status == 204:
		case strings.HasPrefix(out.kind, "text/xml"):
			for d := xml.NewDecoder(strings.NewReader(string(out.body))); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%q: %v in\n%s", body, err, out.body)
				}
			}
		case !json.Valid(out.body):
			t.Fatalf("%q: no JSON: %s", body, out.body)
		}
	}
}

// envelopes are good bodies, by content type.
var envelopes = map[string][]string{
	"application/json": {
		`{"ins_api": {"version": "1.0", "type": "cli_show", "chunk": "0", "sid": null, "input": "show vlan ;show version", "output_format": "json"}}`,
		`{"ins_api": {"version": 1.2, "type": "cli_conf", "input": "vlan 7 ;name x\ndescription \"a ; b\"", "rollback": "rollback-on-error", "output_format": "xml"}}`,
		`{"ins_api": {"type": "cli_show_ascii", "chunk": 1, "input": "show numbers 100000 | count | \u0000\ud800"}}`,
	},
	"application/xml": {
		`<?xml version="1.0"?><ins_api><version>1.0</version><type>cli_show</type><chunk>0</chunk><sid>sid</sid><input>show vlan ;show &lt;</input><output_format>xml</output_format></ins_api>`,
		`<ins_api><type>cli_conf</type><input><![CDATA[banner motd #]]></input><output_format>json</output_format></ins_api>`,
		`<!DOCTYPE x [<!ENTITY a "b">]><ins_api><type>&a;</type></ins_api>`,
	},
	"application/json-rpc": {
		`{"jsonrpc": "2.0", "method": "cli", "params": {"cmd": "show vlan ; show version", "version": 1}, "id": 1}`,
		`[{"jsonrpc": "2.0", "method": "cli_ascii", "params": {"cmd": "vlan 7\nname x", "version": "1.0"}, "id": "a", "rollback": "rollback-on-error"}, {"foo": 1}, 2]`,
		`[{"jsonrpc": "2.0", "method": "cli_array", "params": {"cmd": "show vlan"}}]`,
	},
}

// FuzzJSON sends envelopes in JSON.
func FuzzJSON(f *testing.F) { fuzz(f, "application/json") }

// FuzzXML sends envelopes in XML.
func FuzzXML(f *testing.F) { fuzz(f, "application/xml") }

// FuzzRPC sends calls of JSON-RPC.
func FuzzRPC(f *testing.F) { fuzz(f, "application/json-rpc") }

func fuzz(f *testing.F, contentType string) {
	for _, s := range envelopes[contentType] {
		f.Add([]byte(s))
	}
	f.Fuzz(sends(f, contentType))
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) {
	for contentType, seeds := range envelopes {
		t.Run(strings.TrimPrefix(contentType, "application/"), func(t *testing.T) {
			try := sends(t, contentType)
			mutate.Try(t, func(t *testing.T, body string) { try(t, []byte(body)) }, seeds...)
		})
	}
}
