namespace Deedle

open System
open System.Collections.Generic
open Microsoft.FSharp.Reflection

/// Values with unique keys, in order; a missing value has a key and no value.
type Series<'K, 'V when 'K: equality> internal (keys: 'K[], values: 'V option[]) =
    do
        for key, count in Array.countBy id keys do
            if count > 1 then
                invalidArg "keys" $"Duplicate key '{key}'. Duplicate keys are not allowed in the index."

    new(keys: seq<'K>, values: seq<'V>) = Series(Array.ofSeq keys, values |> Seq.map Some |> Array.ofSeq)

    /// All keys, those of missing values included.
    member _.Keys: seq<'K> = keys

    /// The values that are there.
    member _.Values: seq<'V> = Seq.choose id values

    /// Number of values that are there.
    member _.ValueCount = values |> Array.sumBy (fun value -> if value.IsSome then 1 else 0)

    member _.KeyCount = keys.Length

    /// The value under a key; KeyNotFoundException when there is none.
    member _.Item(key: 'K) : 'V =
        match keys |> Array.tryFindIndex ((=) key) |> Option.bind (Array.get values) with
        | Some value -> value
        | None -> raise (KeyNotFoundException $"The key '{key}' is not present in the index or has no value.")

/// A series of values of any type: a row of a frame.
type ObjectSeries<'K when 'K: equality> internal (keys: 'K[], values: obj option[]) =
    inherit Series<'K, obj>(keys, values)

    /// The value under a key as a 'T; KeyNotFoundException when it is missing.
    member this.GetAs<'T>(column: 'K) : 'T = unbox<'T> this[column]

/// A table: columns of different types over the same row keys.
type Frame<'R, 'C when 'R: equality and 'C: equality> internal (rowKeys: 'R[], columnKeys: 'C[], columns: obj option[][]) =
    member internal _.Column(column: 'C) =
        match columnKeys |> Array.tryFindIndex ((=) column) with
        | Some i -> columns[i]
        | None -> raise (ArgumentException $"Column with a key '{column}' does not exist in the data frame")

    member _.RowKeys: seq<'R> = rowKeys
    member _.ColumnKeys: seq<'C> = columnKeys
    member _.RowCount = rowKeys.Length
    member _.ColumnCount = columnKeys.Length

    /// One column as values of type 'V.
    member this.GetColumn<'V>(column: 'C) : Series<'R, 'V> =
        Series(rowKeys, this.Column column |> Array.map (Option.map unbox<'V>))

    /// The rows, each a series by column.
    member _.Rows: Series<'R, ObjectSeries<'C>> =
        Series(rowKeys, Array.init rowKeys.Length (fun i -> ObjectSeries(columnKeys, columns |> Array.map (fun column -> column[i]))))

    member internal _.At(rows: int[]) =
        Frame<'R, 'C>(Array.map (Array.get rowKeys) rows, columnKeys, columns |> Array.map (fun column -> Array.map (Array.get column) rows))

    /// One row per distinct combination of the columns in groupBy, with the columns in aggBy aggregated over the group.
    member this.AggregateRowsBy(groupBy: seq<'C>, aggBy: seq<'C>, aggFunc: Func<Series<'R, 'V1>, 'V2>) : Frame<int, 'C> =
        let wanted = List.ofSeq groupBy
        let keys = columnKeys |> Array.filter (fun column -> List.contains column wanted)

        if keys.Length = 0 then
            invalidOp "GroupBy columns do not exist in the data frame"

        let labels = keys |> Array.map this.Column
        let groups = [| 0 .. rowKeys.Length - 1 |] |> Array.groupBy (fun i -> labels |> Array.map (fun column -> column[i]))

        let aggregated =
            [| for column in aggBy do
                   [| for _, rows in groups -> this.At(rows).GetColumn<'V1> column |> aggFunc.Invoke |> box |> Option.ofObj |] |]

        let grouped = Array.init keys.Length (fun k -> groups |> Array.map (fun (label, _) -> label[k]))
        Frame<int, 'C>(Array.init groups.Length id, Array.append keys (Array.ofSeq aggBy), Array.append grouped aggregated)

[<AutoOpen>]
module FrameExtensions =
    type Frame =
        /// One row per record, one column per field, rows numbered from 0. None and null are missing values.
        static member ofRecords(values: seq<'T>) : Frame<int, string> =
            let rows = Array.ofSeq values
            let fields = FSharpType.GetRecordFields typeof<'T>

            let columns =
                fields
                |> Array.map (fun field ->
                    rows
                    |> Array.map (fun row ->
                        match field.GetValue row with
                        | null -> None
                        | value -> Some value))

            Frame<int, string>(Array.init rows.Length id, fields |> Array.map _.Name, columns)

/// Functions over frames, for pipelines.
module Frame =
    let countRows (frame: Frame<'R, 'C>) = frame.RowCount
    let getCol (column: 'C) (frame: Frame<'R, 'C>) : Series<'R, 'V> = frame.GetColumn<'V> column

    /// The rows that satisfy a predicate.
    let filterRowValues (f: ObjectSeries<'C> -> bool) (frame: Frame<'R, 'C>) =
        frame.Rows.Values
        |> Seq.indexed
        |> Seq.choose (fun (i, row) -> if f row then Some i else None)
        |> Array.ofSeq
        |> frame.At

    /// The rows whose value in a column equals the one given.
    let filterRowsBy (column: 'C) (value: 'V) (frame: Frame<'R, 'C>) =
        let values = frame.Column column
        [| 0 .. frame.RowCount - 1 |] |> Array.filter (fun i -> Option.map unbox<'V> values[i] = Some value) |> frame.At

    let aggregateRowsBy groupBy aggBy (aggFunc: Series<'R, 'V1> -> 'V2) (frame: Frame<'R, 'C>) =
        frame.AggregateRowsBy(groupBy, aggBy, Func<_, _>(aggFunc))

/// Statistics of the values that are there.
type Stats =
    static member count(series: Series<'K, 'V>) = series.ValueCount

    /// NaN for no value.
    static member mean(series: Series<'K, float>) = Seq.sum series.Values / float series.ValueCount

    /// Sample standard deviation (n - 1); NaN for fewer than two values.
    static member stdDev(series: Series<'K, float>) =
        let mean = Stats.mean series
        let squares = series.Values |> Seq.sumBy (fun value -> (value - mean) ** 2.0)
        if series.ValueCount < 2 then nan else sqrt (squares / float (series.ValueCount - 1))
