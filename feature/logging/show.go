package logging

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

var words = schema.Words{
	"show logging": "Logging configuration and contents of the log file", "clear": "Reset functions",
	"clear logging": "Reset logging", "terminal": "Set terminal parameters of this session",
	"terminal no": "Negate a terminal parameter", "no": "Negate a command",
	"no terminal": "Set terminal parameters of this session",
}

var shows = []feature.Show{
	{Line: "show logging", Help: "Logging configuration and contents of the log file", Run: func(q feature.Query) (feature.Screen, error) {
		return append(append(settings(q), feature.Text("\n")), messages(q, 0)), nil
	}},
	{Line: "show logging last <lines>", Words: words, Help: "Last lines of the log file",
		Types: map[string]schema.AnyType{"lines": schema.Uint("logging-lines", "Number of lines", 1, 9999)},
		Run: func(q feature.Query) (feature.Screen, error) {
			n, _ := feature.Value[uint32](q.Args, "lines")
			return feature.Screen{messages(q, int(n))}, nil
		}},
	{Line: "show logging logfile", Words: words, Help: "Contents of the log file", Run: func(q feature.Query) (feature.Screen, error) {
		return feature.Screen{messages(q, 0)}, nil
	}},
	{Line: "show logging info", Words: words, Help: "Logging configuration", Run: func(q feature.Query) (feature.Screen, error) {
		return settings(q), nil
	}},
	{Line: "show logging level [<facility>]", Words: words, Help: "Levels of facilities",
		Types: map[string]schema.AnyType{"facility": facilityType},
		Run: func(q feature.Query) (feature.Screen, error) {
			s := Read(q.Running)
			only, _ := feature.Value[string](q.Args, "facility")
			return feature.Screen{levels(&s, only), legend}, nil
		}},
	{Line: "show logging server", Words: words, Help: "Servers that messages are sent to", Run: func(q feature.Query) (feature.Screen, error) {
		return feature.Screen{servers(q)}, nil
	}},
	{Line: "show logging console", Words: words, Help: "Messages on the console", Run: func(q feature.Query) (feature.Screen, error) {
		s := Read(q.Running)
		return feature.Screen{console(&s)}, nil
	}},
	{Line: "show logging monitor", Words: words, Help: "Messages on terminals that monitor", Run: func(q feature.Query) (feature.Screen, error) {
		s := Read(q.Running)
		return feature.Screen{monitor(&s)}, nil
	}},
}

// names are the words for severities; the legend has longer ones.
var names = []string{"emergencies", "alerts", "critical", "errors", "warnings", "notifications", "information", "debugging"}

func setting(label, key, format string, severity feature.Severity) feature.Section {
	return feature.Section{
		Heading: fmt.Sprintf("%-31s "+format+"\n", label, names[severity]),
		Keys:    []feature.Pair{{Key: key + "_status", Value: "enabled"}, {Key: key + "_severity", Value: names[severity]}},
	}
}

func console(s *Settings) feature.Section {
	return setting("Logging console:", "console", "enabled (Severity: %s)", s.Console)
}

func monitor(s *Settings) feature.Section {
	return setting("Logging monitor:", "monitor", "enabled (Severity: %s)", s.Monitor)
}

func settings(q feature.Query) feature.Screen {
	s := Read(q.Running)
	stamp := strings.ToUpper(s.Timestamp[:1]) + s.Timestamp[1:]
	return feature.Screen{
		console(&s),
		monitor(&s),
		{
			Heading: fmt.Sprintf("%-31s %s\n", "Logging timestamp:", stamp),
			Keys:    []feature.Pair{{Key: "timestamp", Value: stamp}},
		},
		servers(q),
		{
			Heading: fmt.Sprintf("%-31s %s\n        Name - %s: Severity - %s Size - %d\n\n", "Logging logfile:", "enabled",
				s.File.Name, names[s.File.Severity], s.File.Size),
			Keys: []feature.Pair{{Key: "logfile_status", Value: "enabled"}, {Key: "logfile_name", Value: s.File.Name},
				{Key: "logfile_severity", Value: names[s.File.Severity]}, {Key: "logfile_size", Value: s.File.Size}},
		},
		levels(&s, ""),
		legend,
	}
}

// levels is the table of facilities, or the row of one.
func levels(s *Settings, only string) feature.Section {
	all := slices.Clone(facilities)
	if only != "" {
		all = slices.DeleteFunc(all, func(f struct {
			name string
			help string
			def  feature.Severity
		}) bool {
			return f.name != only
		})
	}
	var rows []feature.Row
	for _, f := range all {
		level := s.Level(f.name)
		rows = append(rows, feature.Row{
			Text: fmt.Sprintf("%-24s%d%24d\n", f.name, f.def, level),
			Keys: []feature.Pair{{Key: "facility", Value: f.name}, {Key: "default_severity", Value: int(f.def)},
				{Key: "session_severity", Value: int(level)}},
		})
	}
	return feature.Section{
		Name: "logging_level",
		Heading: "Facility        Default Severity        Current Session Severity\n" +
			"--------        ----------------        ------------------------\n",
		Rows:   slices.Values(rows),
		Footer: "\n",
	}
}

var legend = feature.Text("0(emergencies)          1(alerts)       2(critical)\n" +
	"3(errors)               4(warnings)     5(notifications)\n" +
	"6(information)          7(debugging)\n")

// messages are the lines of the log file, the last n or all for 0.
func messages(q feature.Query, n int) feature.Section {
	sec := feature.Section{Name: "messages", Rows: func(func(feature.Row) bool) {}}
	if q.Messages == nil {
		return sec
	}
	lines := q.Messages.Lines()
	if n > 0 && len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	sec.Rows = feature.Rows(lines, func(l string) string { return l + "\n" }, func(l string) []feature.Pair {
		return []feature.Pair{{Key: "message", Value: l}}
	})
	return sec
}

var execs = []feature.Exec{
	{
		Line: "clear logging logfile", Words: words, Help: "Clear the log file",
		Run: func(_ context.Context, q feature.Query, _ feature.Host, _ feature.Output) error {
			if q.Messages != nil {
				q.Messages.Clear()
			}
			return nil
		},
	},
	{Line: "terminal monitor", Words: words, Help: "Show messages on this terminal", Reads: true, Run: terminal(true)},
	{Line: "terminal no monitor", Words: words, Help: "Show messages on this terminal", Reads: true, Run: terminal(false)},
	{Line: "no terminal monitor", Words: words, Help: "Show messages on this terminal", Reads: true, Run: terminal(false)},
}

func terminal(on bool) func(context.Context, feature.Query, feature.Host, feature.Output) error {
	return func(_ context.Context, q feature.Query, _ feature.Host, _ feature.Output) error {
		if q.Monitor == nil || !q.Monitor(q.Session.Login, on) {
			return feature.Error("ERROR: There is no terminal to show messages on.")
		}
		return nil
	}
}
