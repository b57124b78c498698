//! The contract in the tree is the contract that is served, and every code is explained.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::site::Site;
use crate::rest::access::RULES;
use crate::rest::problem::Code;

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[tokio::test]
async fn the_document_in_the_tree_is_the_one_that_is_served() {
    let site = Site::new().await;
    let served = site.get("/openapi.json").await;
    let text = format!("{}\n", serde_json::to_string_pretty(&served.body).unwrap());
    let file = in_tree("api/admin/openapi.json");
    if std::env::var_os("TENURE_WRITE_OPENAPI").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "api/admin/openapi.json is not what the server answers. If the change is meant, and only adds: \
         TENURE_WRITE_OPENAPI=1 cargo nextest run -p tenure-control-server -E 'test(the_document_in_the_tree)'"
    );
}

#[tokio::test]
async fn every_operation_names_its_problems_and_its_key() {
    let site = Site::new().await;
    let document = site.get("/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in references(&document) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{reference} leads nowhere");
    }
    for rule in RULES {
        let operation = &document["paths"][rule.path][rule.method.as_str().to_lowercase()];
        assert_eq!(
            operation["security"][0]["apiKey"],
            Value::Array(Vec::new()),
            "{}",
            rule.path
        );
        for status in ["400", "401", "403", "404", "429", "500", "503"] {
            let problem = &operation["responses"][status]["content"]["application/problem+json"];
            assert_eq!(
                problem["schema"]["$ref"], "#/components/schemas/Problem",
                "{} {status}",
                rule.path
            );
        }
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            document.to_string().matches(&format!("\"{id}\"")).count() == 1,
            "{id} is there twice"
        );
    }
}

#[test]
fn the_page_explains_every_code() {
    let page = fs::read_to_string(in_tree("ops/docs/api-errors.md")).unwrap();
    let told: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            Some((cells.next()?.trim_matches('`'), cells.next()?))
        })
        .collect();
    let codes: Vec<(&str, String)> = Code::ALL
        .iter()
        .map(|code| (code.text(), code.status().as_u16().to_string()))
        .collect();
    let codes: Vec<(&str, &str)> = codes.iter().map(|(text, status)| (*text, status.as_str())).collect();
    assert_eq!(told, codes);
}

fn references(value: &Value) -> Vec<String> {
    if let Some(object) = value.as_object() {
        let own = object.get("$ref").and_then(Value::as_str).map(str::to_owned);
        return own.into_iter().chain(object.values().flat_map(references)).collect();
    }
    value.as_array().into_iter().flatten().flat_map(references).collect()
}
