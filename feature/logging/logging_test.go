package logging

import (
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

// log is a log file.
type log []string

func (l *log) Lines() []string { return *l }
func (l *log) Clear()          { *l = nil }

// set is a configuration with nothing at its default.
var set = tree.Tree{}.
	Set(root.Child("console"), uint32(4)).
	Set(root.Child("monitor"), uint32(7)).
	Set(root.Child("logfile"), File{Name: "mine", Severity: feature.Debugging, Size: 8192}).
	Set(root.Child("timestamp"), Milliseconds).
	Set(root.Entry("facility", "ethport").Child("severity"), uint32(2))

var lines = log{
	"2026 Nov 22 09:02:11 vsm1 %VEM_MGR-2-VEM_MGR_DETECTED: Host kvm-b detected as module 4",
	"2026 Nov 22 09:02:12 vsm1 %VEM_MGR-2-MOD_ONLINE: Module 4 is online",
}

func TestShow(t *testing.T) {
	for _, c := range []struct {
		name, line string
		tree       tree.Tree
		args       []any
	}{
		{"default", "show logging", tree.Tree{}, nil},
		{"info", "show logging info", set, nil},
		{"last", "show logging last <lines>", tree.Tree{}, []any{"lines", uint32(1)}},
		{"logfile", "show logging logfile", tree.Tree{}, nil},
		{"level", "show logging level [<facility>]", set, []any{"facility", "ethport"}},
		{"console", "show logging console", set, nil},
		{"monitor", "show logging monitor", tree.Tree{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := featuretest.Show(t, Feature, feature.Query{Running: c.tree, Messages: &lines}, c.line, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, c.name, s)
		})
	}
}

func TestClear(t *testing.T) {
	l := append(log(nil), lines...)
	if err := execs[0].Run(t.Context(), feature.Query{Messages: &l}, nil, nil); err != nil || len(l.Lines()) != 0 {
		t.Errorf("clear logging logfile: %v, %q is left", err, l)
	}
}

func TestRunningConfig(t *testing.T) {
	want := strings.TrimPrefix(`
logging console 4
logging monitor 7
logging logfile mine 7 size 8192
logging level ethport 2
logging timestamp milliseconds
`, "\n")
	if got := featuretest.Config(t, set, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestLine(t *testing.T) {
	e := feature.Event{
		At: time.Date(2026, 11, 2, 9, 2, 11, 123456789, time.UTC), Facility: "VEM_MGR", Severity: 2, Mnemonic: "MOD_ONLINE",
		Text: "Module 4\n is \x1b[2J online\xff ",
	}
	const text = " switch %VEM_MGR-2-MOD_ONLINE: Module 4  is  [2J online?"
	for stamp, want := range map[string]string{
		Seconds: "2026 Nov  2 09:02:11", Milliseconds: "2026 Nov  2 09:02:11.123", Microseconds: "2026 Nov  2 09:02:11.123456",
	} {
		s := Read(tree.Tree{}.Set(root.Child("timestamp"), stamp))
		if got := s.Line(e); got != want+text {
			t.Errorf("%s: got %q, want %q", stamp, got, want+text)
		}
	}
	s := Read(set)
	if s.Level("ETHPORT") != 2 || s.Level("VSHD") != feature.Notice || s.Level("AAA") != feature.Err || s.Level("other") != feature.Notice {
		t.Errorf("levels: %v", s.levels)
	}
}

func FuzzLogfile(f *testing.F) {
	for _, s := range []string{"messages 5", "messages 5 size 4096", "../x 5", "m 8", "m 5 size 1", "m  5", ".m 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseFile(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(v.Name, "/\x00") || v.Name[0] == '.' || v.Size < minSize || v.Size > MaxSize {
			t.Fatalf("%q is %+v", text, v)
		}
		if back, err := parseFile(v.String()); err != nil || back != v {
			t.Fatalf("%q is %+v, written %q, which is %+v, %v", text, v, v.String(), back, err)
		}
	})
}

// FuzzTransport requires of every transport that its printed form is the same.
func FuzzTransport(f *testing.F) {
	for _, s := range []string{"tcp", "secure", "secure ca bootflash:ca.pem", "secure ca bootflash:../x", "secure fingerprint " + strings.Repeat("ab:", 31) + "ab", "secure fingerprint 00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseTransport(s)
		if err != nil {
			return
		}
		if back, err := parseTransport(v.String()); err != nil || back != v || v.CA != "" && v.Pinned() || strings.Contains(v.CA, "/../") {
			t.Fatalf("%q is %+v, printed %q, which is %+v, %v", s, v, v, back, err)
		}
	})
}
