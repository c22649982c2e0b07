package aaa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/tacacs"
)

// Asks implements session.Authorizer. On the machine itself nobody is asked: that
// way in stays whatever servers say.
func (a *Authenticator) Asks(who feature.Session, config bool) bool {
	return !onMachine(who.From) && users.Authorization(a.cfg.Running(), config).Groups != nil
}

// onMachine reports whether a session is of the machine's own terminal or sockets.
func onMachine(from string) bool { return strings.HasPrefix(from, "console") || from == "unix" }

// Authorize implements session.Authorizer. Where no server answers roles alone
// decide, if configuration says so.
func (a *Authenticator) Authorize(ctx context.Context, who feature.Session, config bool, line string) error {
	t := a.cfg.Running()
	methods := users.Authorization(t, config)
	args, allowed := tacacs.Command(line), false
	about := about(who.User, who.From, who.Role)
	err := a.remote.each(ctx, a.remote.commands, toAuthorize, users.ServersOf(t, methods.Groups), func(ctx context.Context, s users.Server) error {
		if s.Protocol != users.Tacacs {
			return errUnanswered
		}
		return a.remote.counted(s, toAuthorize, func() error {
			ok, granted, err := a.remote.tacacsServer(s).Authorize(ctx, about, args)
			if errors.Is(err, tacacs.ErrTooLong) {
				return nil // what cannot be asked for is not allowed
			}
			allowed = ok && slices.Equal(command(granted), command(args))
			return err
		})
	})
	switch {
	case err == nil && allowed, errors.Is(err, errUnanswered) && methods.Last == users.LocalLogin:
		return nil
	case err == nil, errors.Is(err, ErrBusy):
		return feature.ErrNotAuthorized
	case errors.Is(err, errUnanswered):
		a.event(fmt.Sprintf("No server answers: a command of user %s is not authorized", printable(who.User)))
		return feature.ErrNotAuthorized
	}
	return err
}

// command are the arguments that say what is run: a server that puts another
// command in its place has not allowed this one.
func command(args []string) []string {
	var all []string
	for _, a := range args {
		if strings.HasPrefix(a, "cmd=") || strings.HasPrefix(a, "cmd-arg=") {
			all = append(all, a)
		}
	}
	return all
}

// doorOf is the door that a login comes by: ADDRESS@DOOR, or SSH.
func doorOf(from string) string {
	if _, door, ok := strings.Cut(from, "@"); ok {
		return door
	}
	return "ssh"
}

// about is a user as servers are told of him.
func about(user, from string, role feature.Role) tacacs.Who {
	w := tacacs.Who{User: user, Port: from, Level: 1}
	if host, line, ok := strings.Cut(from, "@"); ok {
		w.Port, w.Remote = line, host
	} else if !onMachine(from) {
		w.Port, w.Remote = "grpc", from
	}
	if role.Admin() {
		w.Level = highest
	}
	return w
}
