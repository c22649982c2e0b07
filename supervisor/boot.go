package supervisor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

// base returns what a chassis boots from that has nothing stored. Where there is
// something, files are not looked at: they may have gone.
func (s *Supervisor) base(ctx context.Context, sch *schema.Schema) (tree.Tree, error) {
	running, startup, err := s.store.Load(ctx)
	if err != nil || running != nil || startup != nil {
		return tree.Tree{}, nil // an error is config.Open's to tell
	}
	s.fresh = true
	return s.boot(sch)
}

// Fresh reports whether the chassis had nothing stored when it was opened: it boots
// for the first time, or its startup configuration has been erased.
func (s *Supervisor) Fresh() bool { return s.fresh }

// boot returns the configuration of a chassis that has none stored: the
// factory's, then the base lines, then those of the file. What cannot be used
// is logged and left out, as when a file is replayed: lines that cannot be read,
// then settings that the checks refuse.
func (s *Supervisor) boot(sch *schema.Schema) (tree.Tree, error) {
	var t tree.Tree
	for _, e := range factory() {
		t = t.Set(e.Path, e.Value)
	}
	text, before := s.cfg.Base, 0
	if s.cfg.StartupConfig != "" {
		b, err := os.ReadFile(s.cfg.StartupConfig)
		if err != nil {
			return t, fmt.Errorf("read startup configuration: %w", err)
		}
		if len(b) > maxStartup {
			return t, fmt.Errorf("read startup configuration: %s has %d bytes, at most %d", s.cfg.StartupConfig, len(b), maxStartup)
		}
		text += "\n"
		before = strings.Count(text, "\n")
		text += string(b)
	}
	read, wrong, err := session.ParseConfig(sch, text)
	if err != nil {
		return t, err
	}
	s.logWrong(wrong, before)
	for p, v := range read.Leaves(nil) {
		t = t.Set(p, v)
	}
	for c := range tree.Diff(tree.Tree{}, read) {
		if c.New == nil {
			t = t.Set(c.Path, nil) // entries without leaves
		}
	}
	if t, err = s.usable(sch, t); err != nil {
		return t, err
	}
	if t, err = s.administered(t); err != nil {
		return t, err
	}
	// Who starts the machine's first chassis is its first user.
	return s.stamp(tree.Tree{}, t, config.Meta{User: cmp.Or(s.cfg.Admin.Name, defaultAdmin)}), nil
}

// Bounds of a startup-config file in bytes, of the lines of it that are logged
// because they cannot be used, and of the part of such a line in bytes.
const (
	maxStartup   = 16 << 20
	maxWrong     = 20
	maxWrongText = 80
)

// logWrong logs the lines that cannot be used. Those of the file come after so
// many others.
func (s *Supervisor) logWrong(wrong []session.LineError, before int) {
	for i, w := range wrong {
		if i == maxWrong {
			s.log.Error("startup configuration", "file", s.cfg.StartupConfig, "error",
				fmt.Sprintf("%d more lines cannot be used", len(wrong)-i))
			return
		}
		if w.Line -= before; len(w.Text) > maxWrongText {
			w.Text = w.Text[:maxWrongText] + "…"
		}
		s.log.Error("startup configuration", "file", s.cfg.StartupConfig, "error", w.Error())
	}
}

// usable returns the tree without the settings and entries that the checks
// refuse. An error is a refusal that nothing in particular is to blame for.
func (s *Supervisor) usable(sch *schema.Schema, t tree.Tree) (tree.Tree, error) {
	check := s.check(sch)
	for {
		problems := sch.Validate(tree.Tree{}, t)
		if len(problems) == 0 { // checks rely on the structure
			problems = check(tree.Tree{}, t)
		}
		var refused config.Problems
		less := t
		for _, p := range problems {
			if p.Severity != schema.Error {
				continue
			}
			refused = append(refused, p)
			place := sch.Place(p.Path)
			if less.Exists(p.Path) && (place == schema.ALeaf || place == schema.Entry) {
				less = less.Delete(p.Path)
				s.log.Error("startup configuration", "file", s.cfg.StartupConfig, "error", p.Text, "left out", p.Path.String())
			}
		}
		if len(refused) == 0 {
			return t, nil
		}
		removed := false
		for range tree.Diff(t, less) {
			removed = true
			break
		}
		if !removed {
			return t, fmt.Errorf("startup configuration: %w", refused)
		}
		t = less
	}
}
