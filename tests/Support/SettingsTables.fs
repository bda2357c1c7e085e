/// Settings of every variant's `paper` profile beside tables written from the papers' texts: a change of the code's defaults fails there.
/// "ours" marks what a paper leaves open; the sheets say why it is as it is.
module Reproduction.Tests.SettingsTables

open Expecto
open Reproduction.Analysis.Published
open Reproduction.Methods
open Reproduction.Papers

/// Setting and value, as JSON without the quotes of a text.
type Table = (string * string) list

let changed (changes: Table) (table: Table) : Table =
    let changes = Map.ofList changes

    for name in changes.Keys do
        if not (List.exists (fun (known, _) -> known = name) table) then failtest $"the table has no setting {name}"

    [ for name, value in table -> name, changes.TryFind name |> Option.defaultValue value ]

let list (values: string list) = "[" + (values |> List.map (fun value -> $"\"{value}\"") |> String.concat ",") + "]"

let actual (method: string) variant category dataset : Table = [
    for KeyValue(name, value) in (Registry.Find method).Configure(Request(variant, Profile.Paper, category, dataset)).ToJson() ->
        name,
        match value with
        | null -> "null"
        | value -> value.ToJsonString().Trim('"')
]

/// Every category of every data set that a rule may be about.
let cells = [
    for category in textures @ objects do
        category, "mvtec"
    "0", "mnist"
    "3", "fashion-mnist"
    "cat", "cifar10"
    "magnetic-tile", "magnetic-tile"
    // A name of MVTec AD in another data set has none of its rules.
    "transistor", "surfaces"
]

/// Compares a method with its table: the expected settings of a variant for a category, or None where the table has no such variant.
let pinned (method: string) (expected: string -> string * string -> Table option) =
    testCase method (fun () ->
        for variant in (Registry.Find method).Variants do
            for category, dataset in cells do
                match expected variant.Name (category, dataset) with
                | None -> failtest $"{method}: the table has no variant {variant.Name}"
                | Some table -> Expect.equal (actual method variant.Name category dataset) table $"{variant.Name} on {dataset} {category}")
