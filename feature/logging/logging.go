// Package logging is the feature of the switch's messages (cli.md §9.1, §11.23,
// §14): which of them are kept in the log file, shown on the console and on
// terminals that monitor, and how their times are written.
//
// A message has a facility and a severity. It is made if its severity is at or
// above the level of its facility, that is, its number not greater; and it goes
// to each destination whose own severity lets it through.
package logging

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Settings are what configuration says of messages.
type Settings struct {
	Console, Monitor feature.Severity
	File             File
	Timestamp        string // Seconds, Milliseconds or Microseconds
	Hostname         string
	Servers          []Server
	// Strict has servers sent messages in the form of RFC 5424; else those without
	// TLS are sent that of RFC 3164.
	Strict bool
	Zone   *time.Location // that times are shown in
	levels map[string]feature.Severity
}

// File is the log file.
type File struct {
	Name     string
	Severity feature.Severity
	Size     uint32 // bytes
}

// How times are written.
const (
	Seconds      = "seconds"
	Milliseconds = "milliseconds"
	Microseconds = "microseconds"
)

// Defaults (cli.md §9.1).
const (
	defaultConsole = uint32(feature.Critical)
	defaultMonitor = uint32(feature.Notice)
	MaxSize        = 4194304
	minSize        = 4096
)

var defaultFile = File{Name: "messages", Severity: feature.Notice, Size: MaxSize}

// facilities are those of the messages that the product makes, in order, with
// the level that each has when none is configured.
var facilities = []struct {
	name string
	help string
	def  feature.Severity
}{
	{"aaa", "Users and roles", feature.Err},
	{"authpriv", "Logins", feature.Err},
	{"ethport", "Interfaces", feature.Notice},
	{"port-profile", "Port-profiles", feature.Notice},
	{"sysmgr", "Services of the supervisor", feature.Notice},
	{"user", "Messages of operators", feature.Notice},
	{"vem_mgr", "Line cards", feature.Notice},
	{"vim", "Virtual interfaces", feature.Notice},
	{"vshd", "Configuration", feature.Notice},
}

var (
	severityType = schema.Uint("logging-severity", "0-emerg;1-alert;2-crit;3-err;4-warn;5-notif;6-inform;7-debug", 0, 7)
	sizeType     = schema.Uint("logging-size", "Size of the log file in bytes", minSize, MaxSize)
	nameType     = fileName()
	facilityType = schema.Enum("logging-facility", facilityWords()...)
)

func facilityWords() []schema.Keyword {
	words := make([]schema.Keyword, len(facilities))
	for i, f := range facilities {
		words[i] = schema.Keyword{Text: f.name, Help: f.help}
	}
	return words
}

// fileName is the type of names of log files: words that lead nowhere else.
func fileName() schema.Type[string] {
	t := schema.Word("logfile-name", "Name of the log file", 64)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		s, err := word(s)
		if err == nil && (strings.Contains(s, "/") || strings.HasPrefix(s, ".")) {
			return "", schema.ErrInvalid
		}
		return s, err
	}
	return t
}

var fileType = schema.Type[File]{
	Name: "logfile",
	Syntax: schema.Syntax{
		Help:  "Log file",
		Forms: []string{"<name> <severity>", "<name> <severity> size <size>"},
		Types: map[string]schema.AnyType{"name": nameType, "severity": severityType, "size": sizeType},
		Words: schema.Words{"size": "Size of the log file"},
	},
	Parse:  parseFile,
	Format: File.String,
}

// String returns the file as it is written on a line; the ordinary size is left
// out.
func (f File) String() string {
	text := fmt.Sprintf("%s %d", f.Name, f.Severity)
	if f.Size != MaxSize {
		text += fmt.Sprintf(" size %d", f.Size)
	}
	return text
}

// parseFile is the inverse of String.
func parseFile(text string) (File, error) {
	w := strings.Split(text, " ")
	if len(w) != 2 && (len(w) != 4 || w[2] != "size") {
		return File{}, schema.ErrInvalid
	}
	f := File{Size: MaxSize}
	var err error
	if f.Name, err = nameType.Parse(w[0]); err != nil {
		return File{}, err
	}
	severity, err := severityType.Parse(w[1])
	if err != nil {
		return File{}, err
	}
	f.Severity = feature.Severity(severity)
	if len(w) == 4 {
		if f.Size, err = sizeType.Parse(w[3]); err != nil {
			return File{}, err
		}
	}
	return f, nil
}

// Config is what an operator sets; LevelConfig what he sets for a facility.
type (
	Config struct {
		Console, Monitor uint32
		File             File
		Timestamp        string
		Strict           bool
	}
	LevelConfig struct{ Severity uint32 }
)

// section of show running-config (cli.md §8).
const section = 29

// Feature is the feature.
var Feature = feature.Feature{
	Name: "logging",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "logging/facility", Keys: []schema.Key{{Name: "facility", Type: facilityType}},
			Help: "Messages of a facility",
		}, serverBlock},
		Leaves: slices.Concat([]schema.Leaf{
			schema.Bind("logging/console", severityType, func(c *Config) *uint32 { return &c.Console },
				"logging console <severity>", "Messages on the console").With(at(1, defaultConsole)),
			schema.Bind("logging/monitor", severityType, func(c *Config) *uint32 { return &c.Monitor },
				"logging monitor <severity>", "Messages on terminals that monitor").With(at(2, defaultMonitor)),
			schema.Bind("logging/logfile", fileType, func(c *Config) *File { return &c.File },
				"logging logfile <logfile>", "Messages in the log file").With(at(3, defaultFile)),
			schema.Bind("logging/timestamp", schema.Enum("logging-timestamp",
				schema.Keyword{Text: Microseconds, Help: "Timestamp in microseconds"},
				schema.Keyword{Text: Milliseconds, Help: "Timestamp in milliseconds"},
				schema.Keyword{Text: Seconds, Help: "Timestamp in seconds"},
			), func(c *Config) *string { return &c.Timestamp },
				"logging timestamp <timestamp>", "Times of messages").With(at(5, Seconds)),
			schema.Bind("logging/rfc-strict", schema.Flag, func(c *Config) *bool { return &c.Strict },
				"logging rfc-strict 5424", "Send messages in the form of RFC 5424").With(at(7, nil)),
		}, serverLeaves, schema.Augment([]string{"logging/facility"},
			schema.Bind("severity", severityType, func(c *LevelConfig) *uint32 { return &c.Severity },
				"logging level <facility> <severity>", "Least severity of a facility's messages").
				With(func(l *schema.Leaf) { l.Section, l.Order = section, 4 }))),
		Words: schema.Words{
			"logging":                 "Modify message logging facilities",
			"logging console":         "Messages on the console",
			"logging monitor":         "Messages on terminals that monitor",
			"logging logfile":         "Messages in the log file",
			"logging timestamp":       "Times of messages",
			"logging level":           "Least severity of a facility's messages",
			"logging rfc-strict":      "Form of messages to servers",
			"logging server":          "Send messages to a server",
			"logging server port":     "Port of the server",
			"logging server use-vrf":  "VRF that the server is in",
			"logging server facility": "Facility of the messages",
		},
	},
	Check: check,
	Show:  shows,
	Exec:  execs,
}

func at(order int, def any) func(*schema.Leaf) {
	return func(l *schema.Leaf) { l.Default, l.Section, l.Order = def, section, order }
}

var root = tree.Path{{Name: "logging"}}

// Read returns what a configuration says of messages.
func Read(t tree.Tree) Settings {
	s := Settings{
		Console:   feature.Severity(feature.Read(t, root.Child("console"), defaultConsole)),
		Monitor:   feature.Severity(feature.Read(t, root.Child("monitor"), defaultMonitor)),
		File:      feature.Read(t, root.Child("logfile"), defaultFile),
		Timestamp: feature.Read(t, root.Child("timestamp"), Seconds),
		Hostname:  feature.Hostname(t),
		Zone:      feature.Location(t),
		Servers:   readServers(t),
		Strict:    feature.Read(t, root.Child("rfc-strict"), false),
		levels:    map[string]feature.Severity{},
	}
	for _, f := range facilities {
		s.levels[f.name] = feature.Severity(feature.Read(t, root.Entry("facility", f.name).Child("severity"), uint32(f.def)))
	}
	return s
}

// Level is the greatest number that the severity of a facility's messages may
// have. Facilities that are not known have that of a notice.
func (s *Settings) Level(facility string) feature.Severity {
	if l, ok := s.levels[strings.ToLower(facility)]; ok {
		return l
	}
	return feature.Notice
}

// Line is a message as it stands in the log (cli.md §11.23), on one line.
func (s *Settings) Line(e feature.Event) string {
	layout := map[string]string{Milliseconds: ".000", Microseconds: ".000000"}[s.Timestamp]
	return e.At.In(s.Zone).Format("2006 Jan _2 15:04:05"+layout) + " " + s.Hostname + " " + e.Name() + ": " + Clean(e.Text)
}

// maxText is the length of a message in bytes.
const maxText = 1024

// Clean makes a text fit for a line: printable and short.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return strings.TrimRight(text, " ")
}
