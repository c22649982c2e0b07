package supervisor

import (
	"context"
	"slices"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/feature"
	"trunkline/feature/logging"
	"trunkline/supervisor/accounting"
	"trunkline/supervisor/module"
)

// logging is what the running configuration says of messages.
func (s *Supervisor) logging() logging.Settings { return logging.Read(s.config.Running().Tree) }

// Messages is the log of the switch's messages.
func (s *Supervisor) Messages() *accounting.Log { return s.messages }

// monitor begins to show messages to a terminal.
func (s *Supervisor) monitor() (lines <-chan string, stop func()) {
	m := s.messages.Monitor()
	return m.Lines(), m.Close
}

func (s *Supervisor) moduleEvent(e module.Event) {
	s.messages.Log(feature.Event{
		At: e.At, Facility: module.Facility, Severity: feature.Severity(e.Severity), Mnemonic: e.Mnemonic, Text: e.Text,
	})
}

// wrote logs a step of saving the startup configuration.
func (s *Supervisor) wrote(mnemonic, text string) {
	s.messages.Log(feature.Event{Facility: "SYSMGR", Severity: feature.Notice, Mnemonic: mnemonic, Text: text})
}

// watch makes messages of what changes, until ctx ends: of ports and of
// configuration.
func (s *Supervisor) watch(ctx context.Context) {
	changed, stopState := s.state.Subscribe()
	defer stopState()
	committed, stopConfig := s.config.Subscribe()
	defer stopConfig()
	seen, running := s.state.View().Tree(), s.config.Running()
	for {
		select {
		case <-changed:
			now := s.state.Tree()
			s.logAll(accounting.StateEvents(seen, now))
			seen = now
		case <-committed:
			commits := s.config.Commits(config.MaxCommits)
			for i, c := range commits {
				if c.Generation <= running.Generation {
					commits = commits[:i]
					break
				}
			}
			s.logAll(accounting.CommitEvents(running.Tree, commits))
			for _, c := range slices.Backward(commits) {
				if c.Method == config.MethodGNMI || c.Method == config.MethodRevert { // others keep accounts of their commands
					s.account(accounting.Committed(c))
				}
			}
			if len(commits) > 0 {
				running = commits[0].Snapshot
			}
			s.dismiss()
		case <-ctx.Done():
			return
		}
	}
}

// dismiss ends the sessions of users who came over the network and are no longer
// users, or have another role by now.
func (s *Supervisor) dismiss() {
	for _, l := range s.remote.Logins() {
		if l.Address == "" {
			continue
		}
		if id, ok := s.users.Lookup(l.User); !ok || id.Role != l.Role {
			s.remote.Disconnect(l.ID)
		}
	}
}

// refused keeps account of what a program was refused.
func (s *Supervisor) refused(m config.Meta) {
	s.account(session.Account{At: time.Now(), From: m.From, User: m.User, Command: m.Line})
}

func (s *Supervisor) logAll(events []feature.Event) {
	for _, e := range events {
		s.messages.Log(e)
	}
}
