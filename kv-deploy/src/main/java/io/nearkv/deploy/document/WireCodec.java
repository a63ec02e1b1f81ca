package io.nearkv.deploy.document;

import static java.util.Map.Entry.comparingByKey;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Keyset;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.wire.Documents;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Between the values and their bytes. Decoding takes the one canonical form alone: what was read is written again and compared, so that nobody can change a document into other
 * bytes of the same meaning. Every range is checked by the values' own constructors, with {@link IllegalArgumentException}.
 */
final class WireCodec {
    private WireCodec() {}

    /** Parses a message and makes sure that it is in its canonical form. */
    static <M extends Message> M canonical(Parser<M> parser, byte[] bytes, String what) throws Rejected {
        M message;
        try {
            message = parser.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            // Without the parser's message: it may quote what it read.
            throw new Rejected(RejectReason.MALFORMED, what + " cannot be parsed");
        }
        if (hasUnknown(message) || !Arrays.equals(message.toByteArray(), bytes)) {
            throw new Rejected(RejectReason.MALFORMED, what + " is not in its canonical form");
        }
        return message;
    }

    /** Fields of a later version: what they would have limited is not known here. */
    private static boolean hasUnknown(Message message) {
        if (!message.getUnknownFields().asMap().isEmpty()) {
            return true;
        }
        for (Object field : message.getAllFields().values()) {
            if (field instanceof Message inner && hasUnknown(inner)) {
                return true;
            }
            if (field instanceof List<?> list) {
                for (Object element : list) {
                    if (element instanceof Message inner && hasUnknown(inner)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    static byte[] encode(Route route) {
        return Documents.Route.newBuilder()
                .setService(encode(route.service()))
                .setKind(
                        switch (route.kind()) {
                            case FORWARD -> Documents.RouteKind.FORWARD;
                            case PARACHUTE -> Documents.RouteKind.PARACHUTE;
                            case BREAK_GLASS -> Documents.RouteKind.BREAK_GLASS;
                        })
                .setEpoch(route.epoch())
                .setSeq(route.seq())
                .setRolloutId(route.rolloutId())
                .setStep(route.step())
                .addAllEntries(route.entries().stream().map(WireCodec::encode).toList())
                .addAllKnownGood(
                        route.knownGood().stream().map(WireCodec::encode).toList())
                .setSalt(encode(route.salt()))
                .addAllAncestors(
                        route.ancestors().stream().map(WireCodec::encodeHex).toList())
                .setLeaseMillis((int) route.lease().toMillis())
                .setCreatedAt(route.createdAt())
                .setNotAfter(route.notAfter())
                .setReason(route.reason())
                .setReconciles(encodeHex(route.reconciles()))
                .addAllNodes(route.nodes())
                .setResumes(route.resumes())
                .build()
                .toByteArray();
    }

    static Route decodeRoute(byte[] body) throws Rejected {
        Documents.Route route = canonical(Documents.Route.parser(), body, "the route");
        RouteKind kind = switch (route.getKind()) {
            case FORWARD -> RouteKind.FORWARD;
            case PARACHUTE -> RouteKind.PARACHUTE;
            case BREAK_GLASS -> RouteKind.BREAK_GLASS;
            case ROUTE_KIND_UNKNOWN, UNRECOGNIZED ->
                throw new Rejected(RejectReason.MALFORMED, "the route is of no kind of this version");
        };
        return new Route(
                decode(route.getService()),
                kind,
                route.getEpoch(),
                route.getSeq(),
                route.getRolloutId(),
                route.getStep(),
                decodeEntries(route.getEntriesList()),
                decodeEntries(route.getKnownGoodList()),
                decode(route.getSalt()),
                route.getAncestorsList().stream().map(WireCodec::decodeHex).toList(),
                Duration.ofMillis(route.getLeaseMillis()),
                route.getCreatedAt(),
                route.getNotAfter(),
                route.getReason(),
                decodeHex(route.getReconciles()),
                route.getNodesList(),
                route.getResumes());
    }

    static byte[] encode(Ledger ledger) {
        return Documents.Ledger.newBuilder()
                .setService(encode(ledger.service()))
                .addAllEntries(ledger.entries().stream()
                        .map(entry -> Documents.LedgerEntry.newBuilder()
                                .setNumber(entry.number())
                                .setBuild(encode(entry.build()))
                                .setAddedAt(entry.addedAt())
                                .setPrevious(encodeHex(entry.previous()))
                                .setWhy(entry.why())
                                .build())
                        .toList())
                .build()
                .toByteArray();
    }

    static Ledger decodeLedger(byte[] body) throws Rejected {
        Documents.Ledger ledger = canonical(Documents.Ledger.parser(), body, "the ledger");
        List<LedgerEntry> entries = new ArrayList<>();
        for (Documents.LedgerEntry entry : ledger.getEntriesList()) {
            entries.add(new LedgerEntry(
                    entry.getNumber(),
                    decode(entry.getBuild()),
                    entry.getAddedAt(),
                    decodeHex(entry.getPrevious()),
                    entry.getWhy()));
        }
        return new Ledger(decode(ledger.getService()), entries);
    }

    static byte[] encode(Manifest manifest) {
        return Documents.Manifest.newBuilder()
                .setBuild(encode(manifest.build()))
                .setVersion(manifest.version())
                .setPublishedAt(manifest.publishedAt())
                .setReadsFormatFrom(manifest.readsFrom())
                .setReadsFormatTo(manifest.readsTo())
                .setWritesFormat(manifest.writes())
                .addAllEndpoints(manifest.endpoints())
                .setProvenance(manifest.provenance())
                .setStagingEvidence(encodeHex(manifest.stagingEvidence()))
                .build()
                .toByteArray();
    }

    static Manifest decodeManifest(byte[] body) throws Rejected {
        Documents.Manifest manifest = canonical(Documents.Manifest.parser(), body, "the manifest");
        return new Manifest(
                decode(manifest.getBuild()),
                manifest.getVersion(),
                manifest.getPublishedAt(),
                manifest.getReadsFormatFrom(),
                manifest.getReadsFormatTo(),
                manifest.getWritesFormat(),
                manifest.getEndpointsList(),
                manifest.getProvenance(),
                decodeHex(manifest.getStagingEvidence()));
    }

    static byte[] encode(Trust trust) {
        return Documents.Trust.newBuilder()
                .setService(encode(trust.service()))
                .setEnvironmentClass(
                        switch (trust.environmentClass()) {
                            case STAGING -> Documents.EnvironmentClass.STAGING;
                            case PRODUCTION -> Documents.EnvironmentClass.PRODUCTION;
                        })
                .setSerial(trust.serial())
                .addAllRoots(trust.roots().stream()
                        .map(root -> Documents.RootKey.newBuilder()
                                .setPublicKey(encode(root))
                                .build())
                        .toList())
                .setRootThreshold(trust.rootThreshold())
                .setKeyset(ByteString.copyFrom(trust.keyset().toJson()))
                .addAllOwners(trust.owners().entrySet().stream()
                        .sorted(comparingByKey())
                        .map(owner -> Documents.KeyOwner.newBuilder()
                                .setKeyId(owner.getKey())
                                .setOwner(owner.getValue())
                                .build())
                        .toList())
                .setBreakGlassThreshold(trust.breakGlassThreshold())
                .build()
                .toByteArray();
    }

    static Trust decodeTrust(byte[] body) throws Rejected {
        Documents.Trust trust = canonical(Documents.Trust.parser(), body, "the trust");
        EnvironmentClass environmentClass = switch (trust.getEnvironmentClass()) {
            case STAGING -> EnvironmentClass.STAGING;
            case PRODUCTION -> EnvironmentClass.PRODUCTION;
            case CLASS_UNKNOWN, UNRECOGNIZED ->
                throw new Rejected(RejectReason.MALFORMED, "the trust is of no class of this version");
        };
        Keyset keyset;
        try {
            keyset = Keyset.parse(trust.getKeyset().toByteArray(), "in the trust");
        } catch (KvException e) {
            throw new Rejected(RejectReason.MALFORMED, "the keyset in the trust cannot be used");
        }
        Map<String, String> owners = new LinkedHashMap<>();
        for (Documents.KeyOwner owner : trust.getOwnersList()) {
            if (owners.put(owner.getKeyId(), owner.getOwner()) != null) {
                throw new Rejected(RejectReason.MALFORMED, "the trust names the owner of a key twice");
            }
        }
        return new Trust(
                decode(trust.getService()),
                environmentClass,
                trust.getSerial(),
                trust.getRootsList().stream()
                        .map(root -> decode(root.getPublicKey()))
                        .toList(),
                trust.getRootThreshold(),
                keyset,
                owners,
                trust.getBreakGlassThreshold());
    }

    private static Documents.Service encode(ServiceId service) {
        return Documents.Service.newBuilder()
                .setTenant(service.tenant())
                .setService(service.service())
                .setEnvironment(service.environment())
                .build();
    }

    private static ServiceId decode(Documents.Service service) {
        return new ServiceId(service.getTenant(), service.getService(), service.getEnvironment());
    }

    private static Documents.BuildRef encode(BuildRef build) {
        return Documents.BuildRef.newBuilder()
                .setService(encode(build.service()))
                .setDigest(encode(build.digest()))
                .setNonce(encode(build.nonce()))
                .build();
    }

    private static BuildRef decode(Documents.BuildRef build) {
        return new BuildRef(decode(build.getService()), decode(build.getDigest()), decode(build.getNonce()));
    }

    private static Documents.Entry encode(RouteEntry entry) {
        return Documents.Entry.newBuilder()
                .setBuild(encode(entry.build()))
                .setWeight(entry.weight())
                .addAllEndpoints(entry.endpoints())
                .setVersion(entry.version())
                .setLedgerNumber(entry.ledgerNumber())
                .build();
    }

    private static RouteEntry decode(Documents.Entry entry) {
        return new RouteEntry(
                decode(entry.getBuild()),
                entry.getWeight(),
                entry.getEndpointsList(),
                entry.getVersion(),
                entry.getLedgerNumber());
    }

    private static List<RouteEntry> decodeEntries(List<Documents.Entry> entries) {
        return entries.stream().map(WireCodec::decode).toList();
    }

    static ByteString encode(Bytes bytes) {
        return ByteString.copyFrom(bytes.toArray());
    }

    static Bytes decode(ByteString bytes) {
        return Bytes.of(bytes.toByteArray());
    }

    static ByteString encodeHex(String hex) {
        return encode(Bytes.ofHex(hex));
    }

    static String decodeHex(ByteString bytes) {
        return decode(bytes).hex();
    }
}
