"""Expression operators, one file per family of MongoDB's manual; each file ends with its table ``OPERATORS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fluxion_core.language.tables import LazyTable

if TYPE_CHECKING:
    from fluxion_core.language.operators import Form, Operator

__all__ = ["FAMILIES", "OPERATORS"]

FAMILIES: Final = {
    "arithmetic": (
        "$abs $add $ceil $divide $exp $floor $ln $log $log10 $mod $multiply $pow $round $sigmoid $sqrt $subtract $trunc"
    ),
    "arrays": (
        "$arrayElemAt $arrayToObject $concatArrays $first $firstN $in $indexOfArray $isArray $last $lastN $maxN $minN "
        "$objectToArray $range $reverseArray $size $slice"
    ),
    "array_forms": "$filter $map $reduce $zip",
    "array_orders": "$sortArray $top $topN $bottom $bottomN",
    "bitwise": "$bitAnd $bitOr $bitXor $bitNot",
    "booleans": "$and $or $not",
    "comparison": "$cmp $eq $gt $gte $lt $lte $ne",
    "conditionals": "$cond $ifNull $switch",
    "dates": "$dateAdd $dateSubtract $dateDiff $dateTrunc",
    "date_parts": (
        "$dateToParts $dateFromParts $dateToString $dateFromString $year $month $dayOfMonth $dayOfYear $dayOfWeek $hour "
        "$minute $second $millisecond $week $isoWeek $isoWeekYear $isoDayOfWeek $tsSecond $tsIncrement"
    ),
    "extended_json": "$serializeEJSON $deserializeEJSON $toArray $toObject",
    "hashes": "$hash $hexHash",
    "miscellaneous": "$rand $bsonSize $toHashedIndexKey $binarySize",
    "objects": "$mergeObjects $getField $setField $unsetField",
    "regular_expressions": "$regexFind $regexFindAll $regexMatch",
    "sets": "$allElementsTrue $anyElementTrue $setDifference $setEquals $setIntersection $setIsSubset $setUnion",
    "strings": (
        "$concat $indexOfBytes $indexOfCP $ltrim $rtrim $trim $replaceAll $replaceOne $split $strLenBytes $strLenCP "
        "$strcasecmp $substr $substrBytes $substrCP $toLower $toUpper"
    ),
    "text": "$meta",
    "trigonometry": (
        "$acos $acosh $asin $asinh $atan $atanh $cos $cosh $sin $sinh $tan $tanh $atan2 $degreesToRadians $radiansToDegrees"
    ),
    "types": (
        "$convert $isNumber $type $subtype $toBool $toDate $toDecimal $toDouble $toInt $toLong $toObjectId $toString $toUUID"
    ),
    "variables": "$let $expr $const $literal",
    "vectors": "$similarityCosine $similarityDotProduct $similarityEuclidean",
    "accumulators": "$avg $max $min $stdDevPop $stdDevSamp $sum $percentile $median",
    ".registered": "$function",
}
"""For every file the operators in its table, in the order of the table."""

OPERATORS: Final[Mapping[str, Operator | Form]] = LazyTable(__name__, "OPERATORS", FAMILIES)
"""Every operator of the language by its name."""
