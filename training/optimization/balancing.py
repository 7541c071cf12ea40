"""The methods that balance tasks, by the name that `balance` takes."""

from .balance import Balance, ClassCountBalance
from .famo import FamoBalance
from .pcgrad import PCGradBalance
from .uncertainty import UncertaintyBalance

BALANCES: dict[str, type[Balance]] = {
    method.name: method for method in (Balance, ClassCountBalance, UncertaintyBalance, FamoBalance, PCGradBalance)
}
