/// Run records and published numbers of hfae, as tests of the analysis make them up.
module Reproduction.Tests.Measurements

open Expecto
open Reproduction.Analysis

/// A record with these metrics and nothing else of note.
let record variant category repetition profile (metrics: (string * float) list) : RunRecord = {
    Cell = $"hfae.{variant}.mvtec.{category}.seed{repetition}.{profile}"
    Paper = "hfae"
    Variant = variant
    Dataset = "mvtec"
    Category = category
    Repetition = $"seed {repetition}"
    Profile = profile
    Settings = []
    Weights = []
    DataFingerprint = "ab"
    Environment = Map.empty
    Seconds = Map.empty
    Metrics = Map.ofList metrics
    Undefined = Map.empty
    Fit = Map.empty
    TrainImages = 209
    TestGood = 20
    TestAnomalous = 63
    Regions = None
    Finished = "2026-01-01T00:00:00Z"
}

/// A published image AUROC, given as a fraction.
let number variant category value spread : PublishedNumber = {
    Paper = "hfae"
    IsOwn = true
    Substitutes = [ { Published = "wide_resnet50_2"; Measured = "resnet50_v1"; Difference = "ResNet-50 v1, not wide ResNet-50-2" } ]
    Schedule = { Settings = []; ChangedData = [] }
    Table = "table1"
    Method = "hfae"
    Variant = variant
    Category = category
    Metric = "image_auroc"
    Text = string value
    Value = value
    Spread = spread |> Option.map (fun size -> { Size = size; Kind = Deviation })
    Unit = "fraction"
}

/// What is made of one published number beside these records.
let judge records published =
    match Comparison.compare records [ published ] with
    | [ single ] -> single
    | several -> failtestf "expected one comparison, got %d" several.Length
