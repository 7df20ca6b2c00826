use super::*;

#[test]
fn all_keys() {
    let read = grant("kv = \"prefs\"\ncan = [\"read\"]");
    same(
        &read.publish,
        &[
            "$JS.API.STREAM.INFO.KV_prefs",
            "$JS.API.DIRECT.GET.KV_prefs",
            "$JS.API.DIRECT.GET.KV_prefs.>",
            "$JS.API.STREAM.MSG.GET.KV_prefs",
        ],
    );
    assert_eq!(read.resource, Resource::Bucket("prefs".to_owned()));

    let watch = grant("kv = \"prefs\"\ncan = [\"watch\"]");
    same(
        &watch.publish,
        &[
            "$JS.API.STREAM.INFO.KV_prefs",
            "$JS.API.CONSUMER.CREATE.KV_prefs",
            "$JS.API.CONSUMER.CREATE.KV_prefs.*",
            "$JS.API.CONSUMER.CREATE.KV_prefs.*.>",
            "$JS.API.CONSUMER.INFO.KV_prefs.*",
            "$JS.FC.KV_prefs.*.*",
            "$JS.FC.*.*.KV_prefs.*.*",
        ],
    );

    let write = grant("kv = \"prefs\"\ncan = [\"write\", \"delete\"]");
    same(&write.publish, &["$JS.API.STREAM.INFO.KV_prefs", "$KV.prefs.>"]);
    assert!(write.notes.contains(&notes::KEY_DELETE));
    assert!(!write.notes.contains(&notes::ROLLUP));

    // To say that all are meant is to name none.
    for keys in ["\">\"", "[\">\"]", "[\"a\", \">\"]"] {
        let all = grant(&format!("kv = \"prefs\"\ncan = [\"read\"]\nkeys = {keys}"));
        assert_eq!(all, read, "{keys}");
    }
}

#[test]
fn some_keys() {
    let some = "kv = \"prefs\"\nkeys = [\"{subject}.>\", \"shared\"]";
    let read = grant(&format!("{some}\ncan = [\"read\"]"));
    same(
        &read.publish,
        &[
            "$JS.API.STREAM.INFO.KV_prefs",
            "$JS.API.DIRECT.GET.KV_prefs.$KV.prefs.{subject}.>",
            "$JS.API.DIRECT.GET.KV_prefs.$KV.prefs.shared",
        ],
    );
    let watch = grant(&format!("{some}\ncan = [\"watch\"]"));
    same(
        &watch.publish,
        &[
            "$JS.API.STREAM.INFO.KV_prefs",
            "$JS.API.CONSUMER.CREATE.KV_prefs.*.$KV.prefs.{subject}.>",
            "$JS.API.CONSUMER.CREATE.KV_prefs.*.$KV.prefs.shared",
            "$JS.API.CONSUMER.INFO.KV_prefs.*",
            "$JS.FC.KV_prefs.*.*",
            "$JS.FC.*.*.KV_prefs.*.*",
        ],
    );
    let write = grant(&format!("{some}\ncan = [\"delete\", \"write\"]"));
    same(
        &write.publish,
        &["$JS.API.STREAM.INFO.KV_prefs", "$KV.prefs.{subject}.>", "$KV.prefs.shared"],
    );
    assert!(write.notes.contains(&notes::ROLLUP));
}

#[test]
fn a_delete_is_a_write() {
    for (word, other) in [("write", "delete"), ("delete", "write")] {
        let told = refused(&format!("kv = \"a\"\ncan = [\"read\", \"{word}\"]"));
        assert_eq!(told, [format!("`{word}` cannot be granted without `{other}`")]);
    }
}

#[test]
fn a_star_at_the_end_bounds_no_reader() {
    for (keys, wrong) in [("\"*\"", "*"), ("[\"a\", \"b.*\"]", "b.*")] {
        for can in ["read", "watch"] {
            let told = refused(&format!("kv = \"a\"\ncan = [\"{can}\"]\nkeys = {keys}"));
            assert_eq!(told, [format!("`{wrong}` cannot bound what is read")]);
        }
    }
    let write = grant("kv = \"a\"\ncan = [\"write\", \"delete\"]\nkeys = \"b.*\"");
    assert!(write.publish.contains(&"$KV.a.b.*".to_owned()));
    let read = grant("kv = \"a\"\ncan = [\"read\"]\nkeys = \"*.public\"");
    assert!(read.publish.contains(&"$JS.API.DIRECT.GET.KV_a.$KV.a.*.public".to_owned()));
}

#[test]
fn a_bucket_elsewhere() {
    let all = "can = [\"read\", \"write\", \"delete\"]\nkeys = \"k\"";
    let hub = grant(&format!("kv = \"a\"\n{all}\ndomain = \"hub\""));
    same(
        &hub.publish,
        &[
            "$JS.hub.API.STREAM.INFO.KV_a",
            "$JS.hub.API.DIRECT.GET.KV_a.$KV.a.k",
            "$JS.hub.API.$KV.a.k",
        ],
    );
    let imported = grant(&format!("kv = \"a\"\n{all}\napi_prefix = \"JS.acme\""));
    same(
        &imported.publish,
        &["JS.acme.STREAM.INFO.KV_a", "JS.acme.DIRECT.GET.KV_a.$KV.a.k", "JS.acme.$KV.a.k"],
    );
    let both = "kv = \"a\"\ncan = [\"read\"]\ndomain = \"hub\"\napi_prefix = \"JS.acme\"";
    assert_eq!(refused(both), ["`domain` and `api_prefix` in one grant"]);
}

#[test]
fn object_stores() {
    let read = grant("object_store = \"files\"\ncan = [\"read\"]");
    let reads = [
        "$JS.API.STREAM.INFO.OBJ_files",
        "$JS.API.STREAM.MSG.GET.OBJ_files",
        "$JS.API.DIRECT.GET.OBJ_files.$O.files.M.*",
        "$JS.API.CONSUMER.CREATE.OBJ_files",
        "$JS.API.CONSUMER.CREATE.OBJ_files.*.$O.files.>",
        "$JS.API.CONSUMER.INFO.OBJ_files.*",
        "$JS.FC.OBJ_files.*.*",
        "$JS.FC.*.*.OBJ_files.*.*",
    ];
    same(&read.publish, &reads);
    assert_eq!(read.resource, Resource::ObjectStore("files".to_owned()));

    let write = grant("object_store = \"files\"\ncan = [\"read\", \"write\"]");
    let writes = ["$O.files.C.*", "$O.files.M.*", "$JS.API.STREAM.PURGE.OBJ_files"];
    same(&write.publish, &[&reads[..], &writes].concat());
    assert!(write.notes.contains(&notes::OBJECT_WRITE));

    let told = refused("object_store = \"files\"\ncan = [\"write\"]");
    assert_eq!(told, ["`write` cannot be granted without `read`"]);
    let told = refused("object_store = \"files\"\ncan = [\"read\"]\nnames = [\"a\"]");
    assert_eq!(told, ["a grant cannot be bounded to names of objects"]);
}
