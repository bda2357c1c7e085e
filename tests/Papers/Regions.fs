/// dfr's Table VII counts MVTec AD's images and regions; where the categories are at hand, so do we.
module Reproduction.Tests.Regions

open System
open System.IO
open Expecto
open Reproduction.Data
open Reproduction.Metrics

let private shared =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | folder when Directory.Exists(Path.Combine(folder.FullName, "shared", "data", "mvtec")) ->
            Some(Path.Combine(folder.FullName, "shared", "data", "mvtec"))
        | folder -> upwards folder.Parent

    lazy (upwards (DirectoryInfo AppContext.BaseDirectory))

[<Tests>]
let tests =
    testList "regions" [
        testTheory "dfr, Table VII: images and anomalous regions of the masks as published" [
            "bottle", 209, 83, 3, 68
            "pill", 267, 167, 7, 245
        ]
        <| fun (name, train, test, kinds, regions) ->
            match shared.Value with
            | None -> skiptest "../shared/data/mvtec is not here"
            | Some root ->
                let category = (Datasets.Open root).Category name
                Expect.equal (category.Train.Count, category.Test.Count) (train, test) "images"

                let defects =
                    category.Test |> Seq.filter (fun sample -> sample.Label <> 0) |> Seq.map _.Defect |> Seq.distinct |> Seq.length

                Expect.equal defects kinds "types of anomaly"

                let count =
                    category.Test
                    |> Seq.sumBy (fun sample ->
                        match sample.LoadWholeMask() with
                        | null -> 0
                        | mask ->
                            use components = ConnectedComponents.Label(mask.Pixels, mask.Height, mask.Width)
                            components.Regions.Count)

                Expect.equal count regions "regions, by their 8-neighbourhood"
    ]
