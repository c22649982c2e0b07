package session_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

var update = flag.Bool("update", false, "rewrite transcripts with what was printed")

var typed = regexp.MustCompile(`^[\w.-]+(\([\w-]+\))?# `)

// recorder is a console that keeps what is printed and answers from a list.
type recorder struct {
	strings.Builder
	answers []string
	paged   int
}

func (r *recorder) Page(lines int) { r.paged = lines }

func (r *recorder) Ask(_ context.Context, question string) (string, error) {
	r.WriteString(question)
	a := "n"
	if len(r.answers) > 0 {
		a, r.answers = r.answers[0], r.answers[1:]
	}
	r.WriteString(a + "\n")
	return a, nil
}

func admin(interactive bool) session.Options {
	return session.Options{
		Who: feature.Session{User: "admin", From: "console0", TTY: "/dev/pts/3", Role: feature.NetworkAdmin}, Interactive: interactive,
		Width: 80, Height: 24, Terminal: "xterm",
	}
}

// AskSecret shows that the answer is not shown.
func (r *recorder) AskSecret(ctx context.Context, question string) (string, error) {
	before := r.Len()
	a, err := r.Ask(ctx, question)
	shown := r.String()[:before] + question + "\n"
	r.Reset()
	r.WriteString(shown)
	return a, err
}

// answered is a command with the answers to its questions.
var answered = regexp.MustCompile(`^<([^>]*)>(.*)$`)

// TestTranscripts replays testdata/*.txt. Lines that begin with a prompt are
// typed: the prompt must be the session's, what follows must be what is printed.
// A trailing ? asks for help, and "<yes>" before a command answers its question,
// "<a,b>" two.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cli, _ := sessiontest.CLI(t)
			s := cli.Session(admin(true))
			var got strings.Builder
			for line := range strings.Lines(string(data)) {
				if strings.HasPrefix(line, "//") {
					got.WriteString(line)
					continue
				}
				prompt := typed.FindString(line)
				if prompt == "" {
					continue
				}
				input := strings.TrimSuffix(line[len(prompt):], "\n")
				c := &recorder{}
				got.WriteString(s.Prompt() + input + "\n")
				if before, ok := strings.CutSuffix(input, "?"); ok {
					c.WriteString(s.Help(before))
				} else {
					if m := answered.FindStringSubmatch(input); m != nil {
						input, c.answers = m[2], strings.Split(strings.ReplaceAll(m[1], "yes", "y"), ",")
					}
					s.Run(t.Context(), input, c)
				}
				got.WriteString(timeless(c.String()))
			}
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(data) {
				t.Errorf("transcript differs; run with -update and look at the difference\n%s", firstDifference(string(data), got.String()))
			}
		})
	}
}

// times of the engine are those of the clock; they print as that of the test.
var times = []struct {
	of   *regexp.Regexp
	here string
}{
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d:\d\d:\d\d \d\d [A-Z][a-z]{2} \d{4}\b`), "Sun, 09:15:02 22 Nov 2026"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d UTC [A-Z][a-z]{2} [ \d]\d \d{4}\b`), "09:15:02 UTC Nov 22 2026"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\b`), "Sun Nov 22 09:15:02 2026"},
}

func timeless(text string) string {
	for _, t := range times {
		text = t.of.ReplaceAllString(text, t.here)
	}
	return text
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			end := min(i+8, len(w))
			return "want\n" + strings.Join(w[i:end], "\n") + "\ngot\n" + strings.Join(g[min(i, len(g)):min(i+8, len(g))], "\n")
		}
	}
	return "got more:\n" + strings.Join(g[len(w):], "\n")
}
