package session

import (
	"context"
	"strings"

	"trunkline/cli/files"
	"trunkline/config/schema"
	"trunkline/feature"
)

// Files are the file systems as a user sees them from another machine, who came
// by a protocol: "scp". It is nil where there are none.
func (c *CLI) Files(who feature.Session, by string) *files.View {
	if c.product.Files == nil {
		return nil
	}
	s := c.Session(Options{Who: who})
	return &files.View{
		Store: c.product.Files, Role: who.Role, By: by,
		May: s.mayDo,
		Config: func(name string) ([]byte, error) {
			if err := s.mayDo("show "+name, false); err != nil {
				return nil, err
			}
			return s.configText(name, "show "+name)
		},
		Account: func(command string, err error) {
			c.accounts.Add(Account{At: c.product.Now(), From: who.From, User: who.User, Role: who.Role, Command: command, OK: err == nil})
		},
	}
}

// mayDo judges what is done from another machine like a line that does it.
func (s *Session) mayDo(line string, acts bool) error {
	c := feature.Command{Lines: []string{line}, Feature: ownFeature, Write: acts}
	if s.rights().Judge(c, feature.Touched{}) != feature.Permitted {
		return feature.ErrPermission
	}
	// Protocols of files have no context for each request; servers have their time.
	return s.authorizedLine(context.Background(), line, false)
}

// configText is the running or the startup configuration as its user may see it,
// headed by the line that has it printed.
func (s *Session) configText(name, line string) ([]byte, error) {
	r := &request{Session: s}
	q := s.cli.product.Query(feature.Args{}, s.opts.Who)
	t := q.Running
	if name == files.Startup {
		saved, ok := s.cli.product.Store.Startup()
		if !ok {
			return nil, errNoStartup
		}
		t, q.Changed = saved.Tree, saved.At
	}
	var b strings.Builder
	if err := s.cli.print(&b, line, q, r.seen(t), schema.PrintOptions{}); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}
