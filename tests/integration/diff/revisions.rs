//! Sides that are git revisions.

use super::{ORDERS, diff, git, project, write};

async fn commit(root: &std::path::Path, message: &str) {
    git(root, &["add", "--", "subject-maps", "hallpass.toml"]).await;
    git(root, &["commit", "--quiet", "--allow-empty", "-m", message]).await;
}

/// A repository with `ORDERS` at `main~1`, one subject more at `main`, and one more in the work tree.
async fn repository() -> tempfile::TempDir {
    let project = project(ORDERS).await;
    let root = project.path();
    git(root, &["init", "--quiet", "--initial-branch=main"]).await;
    commit(root, "first").await;
    write(root, "subject-maps", &ORDERS.replace("\"prices.>\"", "\"prices.>\", \"news.>\""));
    // Neither maps nor problems.
    std::fs::write(root.join("subject-maps/orders.test.toml"), "not a map").unwrap();
    std::fs::write(root.join("subject-maps/.hidden.toml"), "not a map").unwrap();
    std::fs::write(root.join("subject-maps/README.md"), "read me").unwrap();
    std::fs::create_dir(root.join("subject-maps/team ä")).unwrap();
    let team = "account = \"APP\"\n[roles.team]\npublish = [\"team.x\"]\n";
    std::fs::write(root.join("subject-maps/team ä/a \"b\".toml"), team).unwrap();
    commit(root, "second").await;
    let text = std::fs::read_to_string(root.join("subject-maps/orders.toml")).unwrap();
    let text = text.replace("\"news.>\"", "\"news.>\", \"ads.>\"");
    std::fs::write(root.join("subject-maps/orders.toml"), text).unwrap();
    project
}

#[tokio::test]
async fn revisions_are_compared_without_a_checkout() {
    let repository = repository().await;
    let root = repository.path();
    let before = git(root, &["status", "--porcelain"]).await;
    let (exit, told, complaints) = diff(root, &["HEAD~1", "HEAD"]).await;
    assert_eq!(exit, 2, "{complaints}");
    assert!(
        told.contains("+ subscribe news.>  WIDER\n      HEAD:subject-maps/orders.toml:11"),
        "{told}"
    );
    assert!(told.contains("role team: new, WIDER"), "{told}");
    assert!(told.contains("HEAD:subject-maps/team ä/a \"b\".toml:3"), "{told}");
    assert!(told.ends_with("2 roles wider, 0 narrower, 1 unchanged\n"), "{told}");
    // With the work tree, from another directory, by a shorter command.
    let (exit, told, _) = diff(root, &["main", "subject-maps"]).await;
    assert_eq!(exit, 2);
    assert!(told.contains("+ subscribe ads.>  WIDER") && !told.contains("news"), "{told}");
    let elsewhere = tempfile::tempdir().unwrap();
    let config = root.join("hallpass.toml");
    let arguments = ["main", "--config", config.to_str().unwrap()];
    let (exit, told, complaints) = diff(elsewhere.path(), &arguments).await;
    assert_eq!(exit, 2, "{complaints}");
    assert!(told.contains("+ subscribe ads.>  WIDER"), "{told}");
    assert_eq!(diff(root, &["HEAD", "main"]).await.0, 0);
    assert_eq!(git(root, &["status", "--porcelain"]).await, before);
}

#[tokio::test]
async fn a_directory_wins_over_a_revision_of_its_name() {
    let repository = repository().await;
    let root = repository.path();
    write(root, "main", ORDERS);
    let (_, told, _) = diff(root, &["main"]).await;
    assert!(told.contains("news"), "the directory is the older one: {told}");
    let (_, told, _) = diff(root, &["git:main"]).await;
    assert!(!told.contains("news"), "{told}");
}

/// Nothing that is typed in is an option of git's, and no revision means no answer.
#[tokio::test]
async fn what_is_no_revision_is_told() {
    let repository = repository().await;
    let root = repository.path();
    for (named, says) in [
        (
            "nope",
            "error: `nope` is neither a directory nor a git revision: git knows no such commit",
        ),
        ("git:nope", "error: `nope` is no git revision: git knows no such commit here"),
        ("git:--all", "error: `--all` is no git revision"),
        ("git:", "error: `` is no git revision"),
        ("HEAD:subject-maps", "neither a directory nor a git revision"),
    ] {
        let (exit, told, complaints) = diff(root, &[named]).await;
        assert_eq!((exit, told.as_str()), (1, ""), "{named}: {complaints}");
        assert!(complaints.contains(says), "{named}: {complaints}");
    }
    // A revision without maps is not one in which nobody holds a role.
    git(root, &["checkout", "--quiet", "--orphan", "other"]).await;
    git(root, &["rm", "--quiet", "-r", "-f", "--cached", "."]).await;
    git(root, &["commit", "--quiet", "--allow-empty", "-m", "empty"]).await;
    let (exit, _, complaints) = diff(root, &["other"]).await;
    assert_eq!(exit, 1);
    assert!(complaints.contains("`other` has no directory `subject-maps`"), "{complaints}");
}

#[tokio::test]
async fn links_are_not_followed_in_a_revision() {
    let repository = repository().await;
    let root = repository.path();
    std::os::unix::fs::symlink("orders.toml", root.join("subject-maps/more.toml")).unwrap();
    commit(root, "link").await;
    let (exit, _, complaints) = diff(root, &["HEAD~1", "HEAD"]).await;
    assert_eq!(exit, 3);
    assert!(complaints.contains("a link or a submodule cannot be followed"), "{complaints}");
}

#[tokio::test]
async fn what_is_too_large_is_not_read_from_a_revision() {
    let repository = repository().await;
    let root = repository.path();
    std::fs::write(root.join("subject-maps/large.toml"), "#".repeat((1 << 20) + 1)).unwrap();
    commit(root, "large").await;
    let (exit, _, complaints) = diff(root, &["HEAD~1", "HEAD"]).await;
    assert_eq!(exit, 3);
    assert!(complaints.contains("the file is larger than 1 MiB"), "{complaints}");
    assert!(complaints.contains("HEAD:subject-maps/large.toml"), "{complaints}");
}

#[tokio::test]
async fn without_git_directories_can_still_be_compared() {
    let repository = repository().await;
    let root = repository.path();
    let diff = |named: &'static str| {
        let mut command = crate::support::command(&["diff", named]);
        command.env("PATH", root.join("keys")).current_dir(root);
        async move { command.output().await.unwrap() }
    };
    let refused = diff("main").await;
    assert_eq!(crate::support::code(&refused), 1);
    let complaints = crate::support::text(&refused.stderr);
    assert!(complaints.contains("`git` is not on this machine, or not on PATH"), "{complaints}");
    assert_eq!(crate::support::code(&diff("subject-maps").await), 0);
}

#[tokio::test]
async fn outside_of_a_repository_git_says_so() {
    let project = project(ORDERS).await;
    let (exit, _, complaints) = diff(project.path(), &["main"]).await;
    assert_eq!(exit, 1);
    assert!(complaints.contains("are not in a git repository"), "{complaints}");
}

/// A branch can hold what git takes for a bare repository, with commands in its configuration.
#[tokio::test]
async fn a_repository_in_the_maps_is_not_used() {
    let repository = repository().await;
    let root = repository.path();
    let maps = root.join("subject-maps");
    for name in ["objects", "refs/heads"] {
        std::fs::create_dir_all(maps.join(name)).unwrap();
        std::fs::write(maps.join(name).join(".keep"), "").unwrap();
    }
    let ran = root.join("ran");
    let config = format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\tfsmonitor = \"touch {ran}\"\n\
         [extensions]\n\tpartialClone = origin\n\
         [remote \"origin\"]\n\turl = .\n\tpromisor = true\n\tuploadpack = \"touch {ran};\"\n\
         [protocol \"file\"]\n\tallow = always\n",
        ran = ran.display()
    );
    std::fs::write(maps.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(maps.join("config"), config).unwrap();
    std::fs::write(maps.join("refs/heads/main"), format!("{}\n", "1".repeat(40))).unwrap();
    let (exit, told, complaints) = diff(root, &["HEAD"]).await;
    assert!(!ran.exists(), "a command of the branch ran: {complaints}");
    assert_eq!(exit, 2, "{complaints}");
    assert!(told.contains("+ subscribe ads.>  WIDER"), "{told}");
}

#[tokio::test]
async fn a_further_work_tree_is_compared_as_the_first_is() {
    let repository = repository().await;
    let root = repository.path();
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("other");
    git(root, &["worktree", "add", "--quiet", other.to_str().unwrap(), "HEAD~1"]).await;
    let (exit, told, complaints) = diff(&other, &["HEAD", "main"]).await;
    assert_eq!(exit, 2, "{complaints}");
    assert!(told.contains("+ subscribe news.>  WIDER"), "{told}");
}
