package io.nearkv.net.rest;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceInfo;
import io.netty.buffer.ByteBuf;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes the bodies of answers: the envelope {@code {"success", "errors", "messages", "result", "result_info"?}} around each result of the API, straight into a buffer. Every
 * method appends one whole body, and borrows the buffer. Stateless.
 */
final class JsonAnswer {
    /** What {@code messages[].code} begins at: the schema of the API asks for 1000 or more, and the numbers of {@link ErrorCode} begin at 1. */
    private static final int REASON_CODES = 1000;

    /** What stands around an item beside its own bytes, for reserving memory. */
    private static final int ITEM_OVERHEAD_BYTES = 64;

    private JsonAnswer() {}

    /**
     * Writes a refusal. The row of our own error table is in {@code messages}, with what is known about a denial: {@code {"code": 1002, "message": "environment_mismatch",
     * "expected_environment": …, "presented_environment": …, "build": …}}.
     */
    static void error(ByteBuf out, RestException refusal) {
        KvException error = refusal.error();
        KvException.Denial denial = error.denial();
        JsonWriter json = new JsonWriter(out);
        json.beginObject().name("success").bool(false);
        json.name("errors").beginArray().beginObject();
        json.name("code").number(refusal.workersCode());
        json.name("message").string(String.valueOf(error.getMessage()));
        json.endObject().endArray();
        json.name("messages").beginArray().beginObject();
        json.name("code").number(REASON_CODES + error.code().wireNumber());
        json.name("message")
                .string(denial == null ? error.code().label() : denial.reason().label());
        if (denial != null) {
            optional(json, "expected_environment", denial.expectedEnvironment());
            optional(json, "presented_environment", denial.presentedEnvironment());
            optional(json, "build", denial.build());
        }
        json.endObject().endArray();
        json.name("result").nothing().endObject();
    }

    private static void optional(JsonWriter json, String name, @Nullable String text) {
        if (text != null) {
            json.name(name).string(text);
        }
    }

    /** Writes the success of a call that has no result. */
    static void done(ByteBuf out) {
        begin(out).nothing().endObject();
    }

    /** Writes one namespace. */
    static void namespace(ByteBuf out, NamespaceInfo namespace) {
        JsonWriter json = begin(out);
        write(json, namespace);
        json.endObject();
    }

    /** Writes a page of the namespaces of an account, of {@code total} in all. */
    static void namespaces(ByteBuf out, List<NamespaceInfo> namespaces, int page, int perPage, long total) {
        JsonWriter json = begin(out).beginArray();
        for (NamespaceInfo namespace : namespaces) {
            write(json, namespace);
        }
        json.endArray();
        endPage(json, page, perPage, namespaces.size(), total);
    }

    private static void write(JsonWriter json, NamespaceInfo namespace) {
        json.beginObject();
        json.name("id").string(namespace.id().toString());
        json.name("title").string(namespace.title());
        json.name("supports_url_encoding").bool(true);
        json.endObject();
    }

    /** Writes a page of a listing. The cursor of the last page is the empty text. */
    static void keys(ByteBuf out, ListPage page) {
        out.ensureWritable(page.keys().size() * ITEM_OVERHEAD_BYTES + ITEM_OVERHEAD_BYTES);
        JsonWriter json = begin(out).beginArray();
        for (KeyInfo info : page.keys()) {
            json.beginObject().name("name").string(info.key());
            if (info.expiresAt() != 0) {
                json.name("expiration").number(info.expiresAt());
            }
            if (info.metadata() != null) {
                json.name("metadata").metadata(info.metadata());
            }
            json.endObject();
        }
        json.endArray();
        json.name("result_info").beginObject();
        json.name("count").number(page.keys().size());
        json.name("cursor").string(page.next() == null ? "" : page.next().toString());
        json.endObject().endObject();
    }

    /** Writes the success of a bulk put or delete of so many items; either all succeed or the call is refused. */
    static void bulkDone(ByteBuf out, int count) {
        JsonWriter json = begin(out).beginObject();
        json.name("successful_key_count").number(count);
        json.name("unsuccessful_keys").beginArray().endArray();
        json.endObject().endObject();
    }

    /**
     * Writes the values of a bulk get. As text, what is not UTF-8 becomes U+FFFD.
     *
     * @param keys what was asked for, each key once
     * @param results what was found, in the order of the keys
     * @param asJson whether the values are embedded as JSON
     * @param withMetadata whether each value stands in an object beside its metadata and expiration
     * @throws RestException 400 if a value is to be embedded and is no JSON, and 413 if the values are more than {@link Limits#MAX_BULK_GET_BYTES}; nothing is
     *     appended then
     */
    static void values(ByteBuf out, List<Key> keys, List<GetResult> results, boolean asJson, boolean withMetadata) {
        long bytes = 0;
        for (GetResult result : results) {
            bytes += result instanceof GetResult.Found found ? found.length() : 0;
        }
        if (bytes > Limits.MAX_BULK_GET_BYTES) {
            throw BodyRefusal.tooLarge("values of " + bytes + " bytes in all (expected: at most "
                    + Limits.MAX_BULK_GET_BYTES + "); ask for fewer keys");
        }
        int start = out.writerIndex();
        boolean written = false;
        try {
            out.ensureWritable((int) bytes + (keys.size() + 1) * ITEM_OVERHEAD_BYTES);
            JsonWriter json = begin(out).beginObject().name("values").beginObject();
            for (int i = 0; i < keys.size(); i++) {
                json.name(keys.get(i));
                if (results.get(i) instanceof GetResult.Found found) {
                    write(json, keys.get(i), found, asJson, withMetadata);
                } else {
                    json.nothing();
                }
            }
            json.endObject().endObject().endObject();
            written = true;
        } finally {
            if (!written) {
                out.writerIndex(start);
            }
        }
    }

    private static void write(JsonWriter json, Key key, GetResult.Found found, boolean asJson, boolean withMetadata) {
        if (withMetadata) {
            json.beginObject().name("value");
        }
        byte[] value = found.value().toByteArray();
        if (asJson) {
            byte[] decoded = JsonText.decoded(value);
            if (!JsonText.isJson(decoded)) {
                throw BodyRefusal.invalid(
                        "value of key '" + key.toDisplayString() + "' is not JSON (expected: type \"text\")");
            }
            json.raw(decoded, 0, decoded.length);
        } else {
            json.string(value);
        }
        if (withMetadata) {
            json.name("metadata").metadata(found.metadata());
            if (found.expiresAt() != 0) {
                json.name("expiration").number(found.expiresAt());
            }
            json.endObject();
        }
    }

    /** Writes metadata, as the JSON that it is, or null if there is none. */
    static void metadata(ByteBuf out, @Nullable Metadata metadata) {
        begin(out).metadata(metadata).endObject();
    }

    /**
     * Writes that a token is good.
     *
     * @param tokenId the id of the token
     * @param notBefore its first second as seconds since the epoch, or 0 if it has none
     * @param expiresAt the first second at which it is good no longer, or 0 if it has none
     */
    static void token(ByteBuf out, String tokenId, long notBefore, long expiresAt) {
        JsonWriter json = begin(out).beginObject();
        json.name("id").string(tokenId);
        json.name("status").string("active");
        if (notBefore != 0) {
            json.name("not_before")
                    .string(java.time.Instant.ofEpochSecond(notBefore).toString());
        }
        if (expiresAt != 0) {
            json.name("expires_on")
                    .string(java.time.Instant.ofEpochSecond(expiresAt).toString());
        }
        json.endObject().endObject();
    }

    /** Writes a page of the accounts that a token may see, of {@code total} in all. */
    static void accounts(ByteBuf out, List<AccountInfo> accounts, int page, int perPage, long total) {
        JsonWriter json = begin(out).beginArray();
        for (AccountInfo account : accounts) {
            write(json, account);
        }
        json.endArray();
        endPage(json, page, perPage, accounts.size(), total);
    }

    private static void write(JsonWriter json, AccountInfo account) {
        json.beginObject();
        json.name("id").string(account.id().toString());
        json.name("name").string(account.name());
        json.name("type").string("standard");
        json.endObject();
    }

    /** Writes a page of the memberships of a token's bearer, one for each account, of {@code total} in all. */
    static void memberships(ByteBuf out, List<AccountInfo> accounts, int page, int perPage, long total) {
        JsonWriter json = begin(out).beginArray();
        for (AccountInfo account : accounts) {
            json.beginObject();
            // An account has one membership here, which needs no other id.
            json.name("id").string(account.id().toString());
            json.name("status").string("accepted");
            json.name("account");
            write(json, account);
            json.name("roles").beginArray().endArray();
            json.name("permissions").beginObject().endObject();
            json.endObject();
        }
        json.endArray();
        endPage(json, page, perPage, accounts.size(), total);
    }

    /** Writes the bearer of a token; {@code email} is what {@code wrangler whoami} shows. */
    static void user(ByteBuf out, String id, String email) {
        JsonWriter json = begin(out).beginObject();
        json.name("id").string(id);
        json.name("email").string(email);
        json.endObject().endObject();
    }

    private static JsonWriter begin(ByteBuf out) {
        JsonWriter json = new JsonWriter(out);
        json.beginObject().name("success").bool(true);
        json.name("errors").beginArray().endArray();
        json.name("messages").beginArray().endArray();
        return json.name("result");
    }

    private static void endPage(JsonWriter json, int page, int perPage, int count, long total) {
        json.name("result_info").beginObject();
        json.name("page").number(page);
        json.name("per_page").number(perPage);
        json.name("count").number(count);
        json.name("total_count").number(total);
        json.endObject().endObject();
    }
}
