package feature

import "context"

// Role is what a user may do (cli.md §9.1).
type Role string

// Built-in roles.
const (
	NetworkAdmin    Role = "network-admin"    // everything
	NetworkOperator Role = "network-operator" // read; no configuration, nothing that acts
)

// Identity is a user who has proved who he is.
type Identity struct {
	User string
	Role Role
}

// ErrPermission is the answer to what a role forbids, at every door (cli.md
// §4.1).
const ErrPermission = Error("% Permission denied for the role")

// May returns ErrPermission unless the role may act; every role may read.
func (r Role) May(act bool) error {
	if act && r != NetworkAdmin {
		return ErrPermission
	}
	return nil
}

// ReadsSecrets reports whether the role may see secrets of the configuration,
// and the contents of files, which may hold some (docs/adr/0020).
func (r Role) ReadsSecrets() bool { return r == NetworkAdmin }

// Authenticator proves users. From is the address they come from, for lock-out
// and the log. The error tells nobody outside why.
type Authenticator interface {
	Password(ctx context.Context, user, password, from string) (Identity, error)
	// PublicKey takes a key in SSH wire format that the client has proved to
	// hold.
	PublicKey(ctx context.Context, user string, key []byte, from string) (Identity, error)
	// Lookup returns the identity of a user without proof: for doors that
	// have proved him otherwise, as by certificate.
	Lookup(user string) (Identity, bool)
}
