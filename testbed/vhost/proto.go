package vhost

// Request is the number of a message of the front end.
type Request uint32

// Requests.
const (
	GetFeatures         Request = 1
	SetFeatures         Request = 2
	SetOwner            Request = 3
	ResetOwner          Request = 4
	SetMemTable         Request = 5
	SetLogBase          Request = 6
	SetLogFD            Request = 7
	SetVringNum         Request = 8
	SetVringAddr        Request = 9
	SetVringBase        Request = 10
	GetVringBase        Request = 11
	SetVringKick        Request = 12
	SetVringCall        Request = 13
	SetVringErr         Request = 14
	GetProtocolFeatures Request = 15
	SetProtocolFeatures Request = 16
	GetQueueNum         Request = 17
	SetVringEnable      Request = 18
	SendRARP            Request = 19
	NetSetMTU           Request = 20
	GetConfig           Request = 24
	SetConfig           Request = 25
	GetInflightFD       Request = 31
	SetInflightFD       Request = 32
	ResetDevice         Request = 34
	GetMaxMemSlots      Request = 36
	AddMemReg           Request = 37
	RemMemReg           Request = 38
	SetStatus           Request = 39
	GetStatus           Request = 40
	LastRequest         Request = 44 // beyond all that are known
)

// Bits of a message's flags.
const (
	Version   = 1
	IsReply   = 1 << 2
	NeedReply = 1 << 3
)

// Features of the device and the ring (virtio 1.2 §5.1.3, §6).
const (
	FeatureCsum      = 1 << 0
	FeatureGuestCsum = 1 << 1
	FeatureMTU       = 1 << 3
	FeatureMAC       = 1 << 5
	FeatureGuestTSO4 = 1 << 7
	FeatureGuestTSO6 = 1 << 8
	FeatureGuestECN  = 1 << 9
	FeatureGuestUFO  = 1 << 10
	FeatureHostTSO4  = 1 << 11
	FeatureHostTSO6  = 1 << 12
	FeatureHostECN   = 1 << 13
	FeatureHostUFO   = 1 << 14
	FeatureMrgRxbuf  = 1 << 15
	FeatureStatus    = 1 << 16
	FeatureCtrlVQ    = 1 << 17
	FeatureAnnounce  = 1 << 21
	FeatureMQ        = 1 << 22
	FeatureLogAll    = 1 << 26 // of vhost
	FeatureAnyLayout = 1 << 27
	FeatureIndirect  = 1 << 28
	FeatureEventIdx  = 1 << 29
	FeatureProtocol  = 1 << 30 // of vhost-user
	FeatureVersion1  = 1 << 32
	FeatureInOrder   = 1 << 35
	FeatureGuestUSO4 = 1 << 54
	FeatureGuestUSO6 = 1 << 55
	FeatureHostUSO   = 1 << 56
)

// KnownFeatures are the features that this front end can drive. Logging is
// switched on by StartLog alone.
const KnownFeatures = FeatureCsum | FeatureGuestCsum | FeatureMTU | FeatureGuestTSO4 | FeatureGuestTSO6 |
	FeatureGuestECN | FeatureHostTSO4 | FeatureHostTSO6 | FeatureHostECN | FeatureGuestUFO | FeatureHostUFO | FeatureMrgRxbuf | FeatureStatus |
	FeatureAnnounce | FeatureMQ | FeatureAnyLayout | FeatureIndirect | FeatureEventIdx | FeatureProtocol |
	FeatureVersion1 | FeatureGuestUSO4 | FeatureGuestUSO6 | FeatureHostUSO

// Protocol features of vhost-user.
const (
	ProtoMQ           = 1 << 0
	ProtoLogShmFD     = 1 << 1
	ProtoRARP         = 1 << 2
	ProtoReplyAck     = 1 << 3
	ProtoMTU          = 1 << 4
	ProtoInflight     = 1 << 12
	ProtoResetDevice  = 1 << 13
	ProtoConfigureMem = 1 << 15
	ProtoStatus       = 1 << 16
)

// KnownProtocol are the protocol features that this front end can drive.
const KnownProtocol = ProtoMQ | ProtoLogShmFD | ProtoRARP | ProtoReplyAck | ProtoMTU | ProtoInflight |
	ProtoConfigureMem | ProtoStatus
