package io.nearkv.net.server;

import com.google.protobuf.ByteString;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Value;
import io.nearkv.core.identity.Permission;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.CatalogueCodec;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.wire.Wire;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The calls on accounts, namespaces and backups. A token works on its own account; only an administrator of the operator's account reaches others. What a token may not know
 * of does not exist for it. Stateless.
 */
final class CatalogueCalls {
    private CatalogueCalls() {}

    /** Returns how a call that names no namespace is carried out; throws 403 or 404 if the grant does not cover it. */
    static Call.Plan plan(Session session, Wire.CallHeader header) {
        KvAdmin admin = session.store().admin();
        SessionGuard guard = session.guard();
        switch (header.getCallCase()) {
            case ACCOUNTS -> {
                boolean all = isOperator(session);
                AccountId own = guard.grant().account();
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        admin.accounts(),
                        accounts -> ofAccounts(accounts.stream()
                                .filter(account -> all || account.id().equals(own))
                                .toList())));
            }
            case CREATE_ACCOUNT -> {
                requireOperator(session);
                String name = header.getCreateAccount().getName();
                return new EntryCalls.NoItems(
                        () -> Call.Work.of(admin.createAccount(name), account -> ofAccounts(List.of(account))));
            }
            case NAMESPACES -> {
                AccountId account = account(session, header.getNamespaces().getAccount());
                boolean own = account.equals(guard.grant().account());
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        admin.namespaces(account),
                        namespaces -> ofNamespaces(namespaces.stream()
                                .filter(namespace -> !own || guard.maySee(namespace.id()))
                                .toList())));
            }
            case NAMESPACE -> {
                return find(session, admin, header.getNamespace());
            }
            case CREATE_NAMESPACE -> {
                AccountId account = account(session, header.getCreateNamespace().getAccount());
                guard.requireEverywhere(Permission.ADMIN);
                String title = header.getCreateNamespace().getTitle();
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        admin.createNamespace(account, title), namespace -> ofNamespaces(List.of(namespace))));
            }
            case BACKUP -> {
                requireOperator(session);
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        admin.backup(),
                        backup -> BodyWriter.of(Wire.ReplyHeader.newBuilder()
                                .setBackup(CatalogueCodec.toWire(backup))
                                .build())));
            }
            case ASK -> {
                requireOperator(session);
                ByteString question = header.getAsk().getQuestion();
                if (question.size() > Limits.MAX_QUESTION_BYTES) {
                    throw new KvException(
                            ErrorCode.TOO_LARGE,
                            "question of " + question.size() + " bytes (expected: at most " + Limits.MAX_QUESTION_BYTES
                                    + ")");
                }
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        admin.ask(Value.of(question.asReadOnlyByteBuffer())),
                        answer -> BodyWriter.of(Wire.ReplyHeader.newBuilder()
                                .setAsk(Wire.AskReply.newBuilder()
                                        .setAnswer(ByteString.copyFrom(answer.asByteBuffer())))
                                .build())));
            }
            case LEADERS -> {
                return new EntryCalls.NoItems(() -> Call.Work.of(
                        CompletableFuture.completedFuture(session.context().leaders(session.store())),
                        leaders -> BodyWriter.of(Wire.ReplyHeader.newBuilder()
                                .setLeaders(Wire.LeadersReply.newBuilder().addAllLeaders(leaders))
                                .build())));
            }
            default -> throw new KvException(ErrorCode.INVALID_REQUEST, "this call is not known to this server");
        }
    }

    /** Returns how a call that changes a namespace is carried out; the caller has checked the permission. */
    static Call.Plan planForNamespace(KvStore store, NamespaceId id, Wire.CallHeader header) {
        return switch (header.getCallCase()) {
            case RENAME_NAMESPACE -> {
                String title = header.getRenameNamespace().getTitle();
                yield new EntryCalls.NoItems(() -> Call.Work.of(
                        store.admin().renameNamespace(id, title), namespace -> ofNamespaces(List.of(namespace))));
            }
            case DELETE_NAMESPACE ->
                new EntryCalls.NoItems(() -> Call.Work.of(
                        store.admin().deleteNamespace(id),
                        nothing -> BodyWriter.of(Wire.ReplyHeader.getDefaultInstance())));
            default -> throw new KvException(ErrorCode.INVALID_REQUEST, "this call is not known to this server");
        };
    }

    private static Call.Plan find(Session session, KvAdmin admin, Wire.FindNamespace find) {
        if (!find.getId().isEmpty()) {
            NamespaceId id = EntryCodec.namespace(find.getId());
            return found(session, () -> admin.namespace(id), SessionGuard.notFound(id));
        }
        AccountId account = account(session, find.getAccount());
        String title = find.getTitle();
        return found(
                session,
                () -> admin.namespace(account, title),
                new KvException(ErrorCode.NOT_FOUND, "namespace '" + Key.display(title) + "' does not exist"));
    }

    private static Call.Plan found(
            Session session, Supplier<CompletableFuture<NamespaceInfo>> lookup, KvException absent) {
        return new EntryCalls.NoItems(() -> Call.Work.of(lookup.get(), namespace -> visible(session, namespace, absent))
                .orAbsent(absent));
    }

    private static BodyWriter visible(Session session, NamespaceInfo namespace, KvException absent) {
        SessionGuard guard = session.guard();
        boolean own = namespace.account().equals(guard.grant().account());
        if (!own && !isOperator(session)) {
            throw absent;
        }
        if (own && !guard.maySee(namespace.id())) {
            throw guard.scope("the token may not see namespace " + namespace.id());
        }
        return ofNamespaces(List.of(namespace));
    }

    /** Returns the account that a call means; 404 if it is another one and the token is not an operator's. */
    private static AccountId account(Session session, ByteString id) {
        AccountId own = session.guard().grant().account();
        AccountId account = CatalogueCodec.account(id, own);
        if (!account.equals(own) && !isOperator(session)) {
            throw new KvException(ErrorCode.NOT_FOUND, "account " + account + " does not exist");
        }
        return account;
    }

    private static boolean isOperator(Session session) {
        return session.context().isOperator(session.guard().grant());
    }

    private static void requireOperator(Session session) {
        if (!isOperator(session)) {
            throw session.guard().scope("only an administrator of the operator's account may do this");
        }
    }

    private static BodyWriter ofAccounts(List<AccountInfo> accounts) {
        return BodyWriter.of(Wire.ReplyHeader.getDefaultInstance(), accounts, CatalogueCodec::toWire);
    }

    private static BodyWriter ofNamespaces(List<NamespaceInfo> namespaces) {
        return BodyWriter.of(Wire.ReplyHeader.getDefaultInstance(), namespaces, CatalogueCodec::toWire);
    }
}
