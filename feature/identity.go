package feature

import (
	"context"
	"slices"
	"strings"
)

// Role is what a user may do (cli.md §9.1): the names of his roles, sorted, with
// a blank between. "" is nobody's, and may do nothing.
type Role string

// Built-in roles.
const (
	NetworkAdmin    Role = "network-admin"    // everything
	NetworkOperator Role = "network-operator" // read; no configuration, nothing that acts
)

// Roles returns a Role of several names.
func Roles(names ...string) Role {
	names = slices.Clone(names)
	slices.Sort(names)
	return Role(strings.Join(slices.Compact(names), " "))
}

// Names are the roles in a Role.
func (r Role) Names() []string { return strings.Fields(string(r)) }

// Has reports whether a role is among them.
func (r Role) Has(one Role) bool { return slices.Contains(r.Names(), string(one)) }

// Admin reports whether network-admin is among them.
func (r Role) Admin() bool { return r.Has(NetworkAdmin) }

// Identity is a user who has proved who he is.
type Identity struct {
	User string
	Role Role
}

// ErrPermission is the answer to what a role forbids, at every door (cli.md
// §4.1).
const ErrPermission = Error("% Permission denied for the role")

// ErrNotAuthorized is the answer to a command that the servers who are asked for it
// do not permit (cli.md §4.1).
const ErrNotAuthorized = Error("% Command not authorized")

// ReadsSecrets reports whether the role may see secrets of the configuration,
// and the contents of files, which may hold some (docs/adr/0020).
func (r Role) ReadsSecrets() bool { return r.Admin() }

// Authenticator proves users. From is the address they come from, with @ and the door
// if that is not SSH, for lock-out, the log and servers. The error tells nobody outside why.
type Authenticator interface {
	Password(ctx context.Context, user, password, from string) (Identity, error)
	// PublicKey takes a key in SSH wire format that the client has proved to
	// hold.
	PublicKey(ctx context.Context, user string, key []byte, from string) (Identity, error)
	// Lookup returns the identity of a user without proof: for doors that
	// have proved him otherwise, as by certificate.
	Lookup(user string) (Identity, bool)
}
