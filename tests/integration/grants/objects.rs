use super::*;

async fn hall() -> Hall {
    let hall = Hall::with(&[
        ("reader", "[[grant]]\nobject_store = \"files\"\ncan = [\"read\"]"),
        ("pythonist", "[[grant]]\nobject_store = \"files\"\ncan = [\"read\"]\nlookup = true"),
        (
            "writer",
            "[[grant]]\nobject_store = \"files\"\ncan = [\"read\", \"write\"]\nlookup = true",
        ),
    ])
    .await;
    hall.object_store("files").await;
    hall.object_store("other").await;
    hall
}

#[tokio::test]
async fn an_object_store_is_written_and_read() {
    for file in [PY, JS] {
        let hall = hall().await;
        let written = [
            ("obj.put files a one", "done"),
            ("obj.put files a two", "done"),
            ("obj.get files a", "two"),
            ("obj.put files b three", "done"),
            ("obj.delete files b", "done"),
            ("obj.list files", "a"),
            ("obj.put other a x", DENIED),
            ("obj.get other a", DENIED),
            ("stream.purge OBJ_other", DENIED),
            ("stream.delete OBJ_files", DENIED),
            ("message.delete OBJ_files 1", DENIED),
        ];
        hall.expect(file, "writer", &written).await;

        // nats-py looks the stream up by its subjects.
        let reader = if file == PY { "pythonist" } else { "reader" };
        let read = [
            ("obj.get files a", "two"),
            ("obj.list files", "a"),
            ("obj.put files a x", DENIED),
            ("obj.delete files a", DENIED),
            ("store $O.files.M.YQ== x", DENIED),
            ("stream.purge OBJ_files", DENIED),
            ("obj.get other a", DENIED),
            ("obj.list other", DENIED),
        ];
        hall.expect(file, reader, &read).await;
        if file == PY {
            hall.expect(PY, "reader", &[("obj.list files", DENIED), ("obj.get files a", DENIED)])
                .await;
        }
    }
}
