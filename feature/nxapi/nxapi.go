// Package nxapi is the feature of the NX-API server: its ports and its
// certificate (cli.md §9.2). The supervisor's server reads it.
//
// The feature is off until feature nxapi.
package nxapi

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Config is what an operator sets.
type Config struct {
	HTTP  uint32 // the TCP port of plain HTTP, 0 for none
	HTTPS uint32 // that of HTTPS
	// Key and Certificate are PEM files of a file system of the switch, which
	// are used if Own says so, which is when both are there and enabled; else the
	// certificate is self-signed.
	Key, Certificate string
	Own              bool
}

// DefaultHTTPS is the port of HTTPS.
const DefaultHTTPS = 443

// name is that of the feature.
const name = "nxapi"

// section of show running-config (cli.md §8).
const section = 28

// Feature is the feature.
var Feature = feature.Gate("NX-API", feature.Feature{
	Name: name,
	Schema: schema.Group{
		Leaves: leaves(),
		Words: schema.Words{
			"nxapi":                               "Configure NX-API",
			"nxapi http":                          "Plain HTTP",
			"nxapi http port":                     "Set the port",
			"nxapi https":                         "HTTP over TLS",
			"nxapi https port":                    "Set the port",
			"nxapi certificate":                   "Configure the certificate of HTTPS",
			"nxapi certificate httpskey":          "The private key",
			"nxapi certificate httpskey keyfile":  "File of the key, as PEM",
			"nxapi certificate httpscrt":          "The certificate",
			"nxapi certificate httpscrt certfile": "File of the certificate with those that lead to its authority, as PEM",
		},
	},
	Check: check,
	Show:  []feature.Show{showNXAPI},
})

func leaves() []schema.Leaf {
	port := schema.Uint("nxapi-port", "TCP port", 1, 65535)
	all := []schema.Leaf{
		schema.Bind("nxapi/http-port", port, func(c *Config) *uint32 { return &c.HTTP },
			"nxapi http port <port>", "Serve plain HTTP too, where passwords can be read on the way"),
		schema.Bind("nxapi/https-port", port, func(c *Config) *uint32 { return &c.HTTPS },
			"nxapi https port <port>", "Set the port of HTTPS").With(func(l *schema.Leaf) { l.Default = uint32(DefaultHTTPS) }),
		schema.Bind("nxapi/key", file, func(c *Config) *string { return &c.Key },
			"nxapi certificate httpskey keyfile <file>", "Set the file of the private key"),
		schema.Bind("nxapi/certificate", file, func(c *Config) *string { return &c.Certificate },
			"nxapi certificate httpscrt certfile <file>", "Set the file of the certificate"),
		schema.Bind("nxapi/own", schema.Flag, func(c *Config) *bool { return &c.Own },
			"nxapi certificate enable", "Use the certificate of the files"),
	}
	for i := range all {
		all[i].Section, all[i].Order = section, i
	}
	return all
}

// file is the type of full names of files: "bootflash:api.key".
var file = schema.Type[string]{
	Name:   "nxapi-file",
	Syntax: schema.Syntax{Notation: "WORD", Help: "File name: bootflash:F, volatile:F or F (Max Size 200)"},
	Parse: func(s string) (string, error) {
		if len(s) > 200 {
			return "", schema.ErrTooLong(200)
		}
		n, err := flash.Resolve(flash.Name{System: flash.Boot}, s)
		if err != nil || n.Path == "" || strings.ContainsAny(s, " \t\"|;<>") {
			return "", schema.ErrInvalid
		}
		return n.String(), nil
	},
	Format: func(s string) string { return s },
	Yang:   "string { length \"1..255\"; }",
}

func path(leaf string) tree.Path { return tree.Path{{Name: "nxapi"}, {Name: leaf}} }

// Enabled reports whether a configuration has the server on.
func Enabled(t tree.Tree) bool { return Feature.Enabled(t) }

// Read reads the configuration of the server. A port of HTTPS that is not
// configured is https.
func Read(t tree.Tree, https uint32) Config {
	c := Config{
		HTTP:        feature.Read(t, path("http-port"), uint32(0)),
		HTTPS:       feature.Read(t, path("https-port"), https),
		Key:         feature.Read(t, path("key"), ""),
		Certificate: feature.Read(t, path("certificate"), ""),
	}
	c.Own = own(t) && c.Key != "" && c.Certificate != ""
	return c
}

func own(t tree.Tree) bool { return feature.Read(t, path("own"), false) }

// check refuses what no server can do.
func check(c feature.Candidate) []schema.Problem {
	now := Read(c.New, DefaultHTTPS)
	var all []schema.Problem
	if now.HTTP == now.HTTPS {
		all = append(all, schema.Problem{Path: path("http-port"), Rule: "port", Text: "ERROR: HTTP and HTTPS cannot have the same port."})
	}
	if was := Read(c.Old, DefaultHTTPS); own(c.New) && !now.Own && (was.Own || !own(c.Old)) {
		all = append(all, schema.Problem{
			Path: path("own"), Severity: schema.Note, Rule: "certificate",
			Text: "Note: The certificate is self-signed until nxapi certificate httpskey and httpscrt are configured.",
		})
	}
	return all
}
