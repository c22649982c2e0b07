package supervisor

import (
	"trunkline/cli/session"
	"trunkline/supervisor/aaa"
	"trunkline/supervisor/accounting"
)

// accounts keep the accounting log, and tell servers what it is told.
type accounts struct {
	*accounting.Accounts
	servers *aaa.Accounting
}

// Add implements session.Accounting.
func (a accounts) Add(one session.Account) {
	a.Accounts.Add(one)
	a.servers.Command(one.User, one.From, one.Role, one.Command, one.At, one.OK)
}

// account notes what came by no line of a session.
func (s *Supervisor) account(one session.Account) { accounts{s.accounts, s.accounting}.Add(one) }
